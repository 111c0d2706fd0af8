import { useDeferredValue, useState, type ReactNode } from 'react';
import { CustomerSearchDocument } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Measured } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { number, Table } from '../parts/table';
import { SegmentName, useLooks } from '../segment/looks';
import { useReading } from '../session/reading';
import { count, counted } from '../wording/figure';
import { ago } from '../wording/time';
import { CustomerLink } from './customer-link';
import { placeOf } from './place';
import { SearchBox } from './search-box';
import { UnusualCard } from './unusual-card';
import './customer.css';

const PAGE = 12;

export function CustomersPage(): ReactNode {
  const [text, setText] = useState('');
  const search = useDeferredValue(text.trim());
  return (
    <>
      <PageHead title="Customers" below={<p className="quiet">Look one up: what they do, where they belong, since when, and what they are likely to do next.</p>} />
      <section className="card" aria-label="Look up a customer">
        <div className="inside">
          <SearchBox value={text} onChange={setText} />
        </div>
      </section>
      <Found search={search} />
      {search === '' && <UnusualCard />}
    </>
  );
}

function Found({ search }: { search: string }): ReactNode {
  const paging = usePaging(PAGE);
  // Another search begins with its first page; what was found before stays in sight until then.
  const [sought, setSought] = useState(search);
  if (sought !== search) {
    setSought(search);
    paging.restart();
  }
  const { data, error, isLoading, again } = useReading(CustomerSearchDocument, { search: search || null, first: PAGE, after: paging.after });
  const lookOf = useLooks();
  const now = useNow();
  const found = data?.customers;
  return (
    <Card title={search ? `User ids that begin with “${search}”` : 'All customers'} note={found && counted(found.totalCount, 'customer')} flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="customers" lines={8} />}
      {found?.nodes.length === 0 && (
        <Empty title={search ? 'Nobody' : 'No customers yet'}>
          {search ? 'No user id begins so. Capital and small letters are told apart.' : 'Send events to intake, or import a file: every id that they carry becomes a customer.'}
        </Empty>
      )}
      {found && found.nodes.length > 0 && (
        <Table columns={['Customer', 'Segment', 'Strength', number('Events'), 'Last seen']}>
          {found.nodes.map((customer) => {
            const place = placeOf(customer.memberships);
            return (
              <tr key={customer.id}>
                <th scope="row">
                  <CustomerLink customer={customer} />
                </th>
                <td data-label="Segment">{place ? <SegmentName segment={place.segment} /> : <span className="quiet">none</span>}</td>
                <td data-label="Strength">{place && <Measured value={place.strength} colour={lookOf(place.segment.id).colour} />}</td>
                <td data-label="Events" className="number">{count(customer.eventCount)}</td>
                <td data-label="Last seen" className="nowrap">{ago(customer.lastSeenAt, now)}</td>
              </tr>
            );
          })}
        </Table>
      )}
      {found && found.nodes.length > 0 && <Pager paging={paging} shown={found.nodes.length} total={found.totalCount} what="customers" pageInfo={found.pageInfo} />}
    </Card>
  );
}
