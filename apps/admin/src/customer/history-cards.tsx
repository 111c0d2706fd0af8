import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { CustomerHistoryQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Empty, Loading, Problem } from '../parts/states';
import { SegmentName } from '../segment/looks';
import type { Reading } from '../session/reading';
import { counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { nameOf } from './name';

interface HistoryProps {
  history: Reading<CustomerHistoryQuery>;
}

/** Segments entered and left. */
export function HistoryCard({ history: { data, error, isLoading, again } }: HistoryProps): ReactNode {
  const now = useNow();
  const moves = data?.customer?.membershipHistory;
  return (
    <Card title="Moves" note={moves && counted(moves.totalCount, 'change')}>
      {error && !data && <Problem error={error} again={again} />}
      {isLoading && <Loading what="moves" lines={3} />}
      {moves?.nodes.length === 0 && <p className="quiet">None so far.</p>}
      <ol className="moves">
        {moves?.nodes.map(({ cursor, from, to, at, isByPromotion }) => (
          <li key={cursor}>
            <div>
              <SegmentName segment={to} />
            </div>
            <div className="small quiet" title={dateAndTime(at)}>
              {from ? `from ${from.name}` : 'first place'}, {ago(at, now)}
              {isByPromotion && ', by a new model'}
            </div>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** Customers who are alike in what the model sees. */
export function SimilarCard({ history: { data, isLoading } }: HistoryProps): ReactNode {
  const similar = data?.customer?.similar ?? [];
  return (
    <Card title="Most alike" note="In what the model sees" flush>
      {isLoading && <Loading what="similar customers" lines={4} />}
      {data && similar.length === 0 && <Empty title="Nobody yet">Others can be compared once the model has read them.</Empty>}
      {similar.length > 0 && (
        <table>
          <tbody>
            {similar.map(({ customer, similarity }) => (
              <tr key={customer.id}>
                <th scope="row">
                  <Link to={`/customers/${encodeURIComponent(customer.id)}`}>{nameOf(customer)}</Link>
                </th>
                <td>
                  <SegmentName segment={customer.memberships[0]?.segment} />
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
