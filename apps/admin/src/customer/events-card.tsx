import { useEffect, useRef, type ReactNode } from 'react';
import { CustomerEventsDocument, type CustomerEventsQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { useReading } from '../session/reading';
import { ago, dateAndTime } from '../wording/time';
import { factsOf } from './properties';

type Event = NonNullable<CustomerEventsQuery['customer']>['events']['nodes'][number];

const PAGE = 12;

/** What a customer did, newest first; read anew when an event has come. */
export function EventsCard({ customer }: { customer: { id: string; eventCount: number } }): ReactNode {
  const paging = usePaging(PAGE);
  const reading = useReading(CustomerEventsDocument, { id: customer.id, first: PAGE, after: paging.after });
  const { data, again } = reading;
  const seen = useRef(customer.eventCount);
  useEffect(() => {
    if (seen.current === customer.eventCount) return;
    seen.current = customer.eventCount;
    again();
  }, [again, customer.eventCount]);
  const list = data?.customer?.events;
  return (
    <Card title="Events" note="Newest first" flush>
      <PagedList what="events" lines={PAGE} reading={reading} list={list} paging={paging} empty={<Empty title="No events">This customer is only known from identify calls.</Empty>}>
        {(events) => (
          <ol className="events">
            {events.map((event) => (
              <Happened key={event.id} event={event} />
            ))}
          </ol>
        )}
      </PagedList>
    </Card>
  );
}

function Happened({ event }: { event: Event }): ReactNode {
  const now = useNow();
  const facts = factsOf(event.properties);
  return (
    <li>
      <div className="row spread">
        <span>
          <b>{event.name}</b> {event.type !== 'TRACK' && <span className="quiet small">{event.type.toLowerCase()}</span>}
        </span>
        <time className="quiet small nowrap" dateTime={event.occurredAt} title={dateAndTime(event.occurredAt)}>
          {ago(event.occurredAt, now)}
        </time>
      </div>
      {facts.length > 0 && (
        <ul className="chips">
          {facts.slice(0, 5).map(({ name, value }) => (
            <li key={name} className="chip">
              <span className="quiet">{name}</span> {value}
            </li>
          ))}
          {facts.length > 5 && <li className="chip quiet">{facts.length - 5} more</li>}
        </ul>
      )}
    </li>
  );
}
