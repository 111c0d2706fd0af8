import type { ReactNode } from 'react';
import { UnusualNowDocument } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { counted } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { CustomerLink } from './customer-link';

/** Who is unusual now, the latest first; nothing where nobody is. */
export function UnusualCard(): ReactNode {
  const { data } = useReading(UnusualNowDocument, {});
  const now = useNow();
  const unusual = data?.unusualCustomers;
  if (!unusual || unusual.totalCount === 0) return null;
  return (
    <Card title="Unusual now" note={counted(unusual.totalCount, 'customer')} flush>
      <Table columns={['Customer', 'Since', number('Novelty'), 'Last seen']}>
        {unusual.nodes.map(
          ({ customer, since, novelty }) =>
            customer && (
              <tr key={customer.id}>
                <th scope="row">
                  <CustomerLink customer={customer} />
                </th>
                <td data-label="Since" className="nowrap" title={dateAndTime(since)}>{ago(since, now)}</td>
                <td data-label="Novelty" className="number">{novelty.toFixed(2)}</td>
                <td data-label="Last seen" className="nowrap">{ago(customer.lastSeenAt, now)}</td>
              </tr>
            ),
        )}
      </Table>
    </Card>
  );
}
