import { useEffect, useRef, type ReactNode } from 'react';
import { CustomerEventsDocument, type CustomerEventsQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { ago, dateAndTime } from '../wording/time';
import { factsOf } from './properties';

type Event = NonNullable<CustomerEventsQuery['customer']>['events']['nodes'][number];

const PAGE = 12;

/** What a customer did, newest first; read anew when an event has come. */
export function EventsCard({ customer }: { customer: { id: string; eventCount: number } }): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(CustomerEventsDocument, { id: customer.id, first: PAGE, after: paging.after });
  const seen = useRef(customer.eventCount);
  useEffect(() => {
    if (seen.current === customer.eventCount) return;
    seen.current = customer.eventCount;
    again();
  }, [again, customer.eventCount]);
  const events = data?.customer?.events;
  return (
    <Card title="Events" note="Newest first" flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="events" lines={PAGE} />}
      {events?.nodes.length === 0 && <Empty title="No events">This customer is only known from identify calls.</Empty>}
      {events && events.nodes.length > 0 && (
        <>
          <ol className="events">
            {events.nodes.map((event) => (
              <Happened key={event.id} event={event} />
            ))}
          </ol>
          <Pager paging={paging} shown={events.nodes.length} total={events.totalCount} what="events" pageInfo={events.pageInfo} />
        </>
      )}
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
