import { useState, type ReactNode } from 'react';
import { EventLedgerDocument, RejectedEventsDocument, type EventLedgerQuery, type RejectedEventsQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { count, percent } from '../wording/figure';
import { ago, dateAndTime } from '../wording/time';
import { ReceiptCard } from './receipt-card';
import { readable, reasonInWords } from './reasons';
import './intake.css';

type Ledger = EventLedgerQuery['eventLedger'];
type Rejected = RejectedEventsQuery['rejectedEvents']['nodes'][number];

const LOOK_MS = 5000;
const PAGE = 10;

export function IntakePage(): ReactNode {
  const { data, error, isLoading, again } = useReading(EventLedgerDocument, {}, { everyMs: LOOK_MS });
  const ledger = data?.eventLedger;
  return (
    <>
      <PageHead title="Intake" below={<p className="quiet">Every event that arrived, and what became of it.</p>} />
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the ledger" lines={4} />
        </section>
      )}
      {ledger && <LedgerCard ledger={ledger} />}
      <RejectedCard />
      <ReceiptCard />
    </>
  );
}

const PARTS = [
  { name: 'stored', says: 'committed and counted once' },
  { name: 'duplicate', says: 'a message id that was stored before' },
  { name: 'rejected', says: 'kept whole below, with a reason' },
] as const;

/** received = stored + duplicate + rejected, as figures and as one bar. */
function LedgerCard({ ledger }: { ledger: Ledger }): ReactNode {
  const { received, asOf, reconciledAt, difference } = ledger;
  const recounted = reconciledAt ? `, recounted from the data ${dateAndTime(reconciledAt)}` : '';
  return (
    <Card title="Ledger" note={`as of ${dateAndTime(asOf)}${recounted}`}>
      {received === 0 && <Notice title="Nothing has come in yet">Point a Segment client at the intake with the workspace's write key, or import a file: npm start -- --import FILE.</Notice>}
      <dl className="ledger">
        <div className="received">
          <dt>Received</dt>
          <dd>{count(received)}</dd>
        </div>
        {PARTS.map(({ name, says }, at) => (
          <div key={name} className={ledger[name] > 0 ? `${name} some` : name}>
            <dt>
              <span className="sign" aria-hidden="true">
                {at === 0 ? '=' : '+'}
              </span>
              {name.charAt(0).toUpperCase() + name.slice(1)}
            </dt>
            <dd>{count(ledger[name])}</dd>
            <dd className="small quiet">
              {received > 0 && `${percent(ledger[name] / received)}, `}
              {says}
            </dd>
          </div>
        ))}
      </dl>
      {received > 0 && (
        <div className="parts" aria-hidden="true">
          {PARTS.filter(({ name }) => ledger[name] > 0).map(({ name }) => (
            <span key={name} className={name} style={{ width: `${(ledger[name] / received) * 100}%` }} />
          ))}
        </div>
      )}
      {difference !== 0 && <Notice tone="bad" title={`Ledger and data differ by ${count(difference)}`}>They should agree at any moment. The runbook says what to look for; the logs of ingestion have it too.</Notice>}
    </Card>
  );
}

function RejectedCard(): ReactNode {
  const [reason, setReason] = useState<string>();
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(RejectedEventsDocument, { reason: reason ?? null, first: PAGE, after: paging.after }, { everyMs: LOOK_MS });
  const list = data?.rejectedEvents;
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
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="rejected events" lines={4} />}
      {list?.nodes.length === 0 && <Empty title="None">Every event that arrived could be read.</Empty>}
      {list && list.nodes.length > 0 && (
        <>
          <ol className="rejections">
            {list.nodes.map((event) => (
              <Rejection key={event.id} event={event} onReason={choose} />
            ))}
          </ol>
          <Pager paging={paging} shown={list.nodes.length} total={list.totalCount} what="rejected events and rows" pageInfo={list.pageInfo} />
        </>
      )}
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
          {event.source}, <time dateTime={event.receivedAt}>{ago(event.receivedAt, now)}</time>
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
