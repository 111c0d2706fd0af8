import type { ReactNode } from 'react';
import { CustomerSimilarDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { Empty, Loading, Problem } from '../parts/states';
import { SegmentName } from '../segment/looks';
import { useReading } from '../session/reading';
import { CustomerLink } from './customer-link';
import { placeOf } from './place';

/** Customers who are alike in what the model sees. */
export function SimilarCard({ id }: { id: string }): ReactNode {
  const { data, error, isLoading, again } = useReading(CustomerSimilarDocument, { id });
  const similar = data?.customer?.similar ?? [];
  return (
    <Card title="Most alike" note="In what the model sees" flush>
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && !error && <Loading what="similar customers" lines={4} />}
      {data && similar.length === 0 && <Empty title="Nobody yet">Others can be compared once the model has read them.</Empty>}
      {similar.length > 0 && (
        <table>
          <tbody>
            {similar.map(({ customer, similarity }) => (
              <tr key={customer.id}>
                <th scope="row">
                  <CustomerLink customer={customer} />
                </th>
                <td>
                  <SegmentName segment={placeOf(customer.memberships)?.segment} />
                </td>
                <td className="number quiet" title="Cosine of the two embeddings">
                  {similarity.toFixed(2)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
