import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { EventLedgerDocument, type EventLedgerQuery } from '../gen/graphql';
import { Card, PageHead } from '../parts/card';
import { Loading, Notice, Problem } from '../parts/states';
import { useReading } from '../session/reading';
import { count, percent } from '../wording/figure';
import { dateAndTime } from '../wording/time';
import { ReceiptCard } from './receipt-card';
import { RejectedCard } from './rejected-card';
import './intake.css';

type Ledger = EventLedgerQuery['eventLedger'];

const LOOK_MS = 5000;

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
      {received === 0 && <Notice title="Nothing has come in yet">Point a Segment client at the intake with the workspace's write key, or <Link to="/imports">import a file</Link>.</Notice>}
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
