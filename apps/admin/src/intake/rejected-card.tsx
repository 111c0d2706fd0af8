import { useState, type ReactNode } from 'react';
import { RejectedEventsDocument, type RejectedEventsQuery } from '../gen/graphql';
import { Card } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { PagedList } from '../parts/paged-list';
import { usePaging } from '../parts/pager';
import { Empty } from '../parts/states';
import { useReading } from '../session/reading';
import { ago } from '../wording/time';
import { readable, reasonInWords, sourceInWords } from './reasons';
import './intake.css';

type Rejected = RejectedEventsQuery['rejectedEvents']['nodes'][number];

const LOOK_MS = 5000;
const PAGE = 10;

/** What was refused, whole, newest first: all of it, or from one source. */
export function RejectedCard({ source }: { source?: string }): ReactNode {
  const [reason, setReason] = useState<string>();
  const paging = usePaging(PAGE);
  const reading = useReading(RejectedEventsDocument, { reason: reason ?? null, source: source ?? null, first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = reading.data?.rejectedEvents;
  const choose = (next: string | undefined): void => {
    paging.restart();
    setReason(next);
  };
  return (
    <Card
      title="Rejected events and rows"
      note={
        reason && (
          <>
            only “{reasonInWords(reason)}”{' '}
            <button type="button" className="button bare" onClick={() => choose(undefined)}>
              Show all
            </button>
          </>
        )
      }
      flush
    >
      <PagedList what="rejected events and rows" lines={4} reading={reading} list={list} paging={paging} empty={<Empty title="None">{source ? 'Every row and every event of it could be read.' : 'Every event that arrived could be read.'}</Empty>}>
        {(events) => (
          <ol className="rejections">
            {events.map((event) => (
              <Rejection key={event.id} event={event} onReason={choose} />
            ))}
          </ol>
        )}
      </PagedList>
    </Card>
  );
}

function Rejection({ event, onReason }: { event: Rejected; onReason: (reason: string) => void }): ReactNode {
  const now = useNow();
  return (
    <li>
      <div className="row spread">
        <span className="row tight">
          <button type="button" className="badge bad reason" onClick={() => onReason(event.reason)} title="Only this reason">
            {reasonInWords(event.reason)}
          </button>
          {/* These two are not among the ledger's rejected, what was discarded is. */}
          {event.unit === 'ROW' && <Badge>Row of a file</Badge>}
          {event.state === 'REPLAYED' && <Badge tone="good">Taken in since</Badge>}
          {event.state === 'DISCARDED' && <Badge>Discarded</Badge>}
        </span>
        <span className="quiet small">
          <span title={event.source}>{sourceInWords(event.source)}</span>, <time dateTime={event.receivedAt}>{ago(event.receivedAt, now)}</time>
        </span>
      </div>
      <p>{event.detail}</p>
      <details>
        <summary className="small">What came{event.messageId ? ` (message id ${event.messageId})` : ''}</summary>
        <pre className="mono">{readable(event.payload)}</pre>
      </details>
    </li>
  );
}
