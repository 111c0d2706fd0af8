import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { useSubscription } from 'urql';
import { CancelImportDocument, ImportDetailDocument, ImportUpdatedDocument } from '../gen/graphql';
import { RejectedCard } from '../intake/rejected-card';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Bar, Stat, Stats } from '../parts/figures';
import { Dialog } from '../parts/dialog';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useFormAction } from '../session/action';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count, NONE } from '../wording/figure';
import { dateAndTime, lastingBetween } from '../wording/time';
import { RowCounts } from './row-counts';
import { doingOf, isUnderWay, rowsOf, STATES, type Import } from './state';

/** One import: how far it is, or what came of it. */
export function ImportPage(): ReactNode {
  const { id = '' } = useParams();
  const { data, error, isLoading, again } = useReading(ImportDetailDocument, { id });
  const [{ data: update }] = useSubscription({ query: ImportUpdatedDocument, variables: { id }, pause: !data?.import || !isUnderWay(data.import) });
  const live = update?.importUpdated.id === id ? update.importUpdated : (data?.import ?? undefined);
  useOnEnd(live, again);
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the import" lines={8} />
        </section>
      )}
      {data && !data.import && (
        <section className="card">
          <Empty title="There is no such import" action={<Link className="button" to="/imports">All imports</Link>}>
            It may belong to another workspace.
          </Empty>
        </section>
      )}
      {live && <Detail key={id} row={live} />}
    </>
  );
}

/** Once, when what was going has ended: what was read at first is then of the past. */
function useOnEnd(row: Import | undefined, onEnd: () => void): void {
  const wasGoing = useRef(false);
  useEffect(() => {
    if (!row) return;
    if (isUnderWay(row)) wasGoing.current = true;
    else if (wasGoing.current) {
      wasGoing.current = false;
      onEnd();
    }
  }, [onEnd, row]);
}

function Detail({ row }: { row: Import }): ReactNode {
  const { words, tone } = STATES[row.state];
  const mayStop = useMay('ADMIN');
  const refused = rowsOf(row.rejected) + row.eventsRejected;
  return (
    <>
      <PageHead
        title={row.fileName}
        above={<Link to="/imports">Imports</Link>}
        below={
          <p className="row tight">
            <Badge tone={tone}>{words}</Badge>
            {row.startedAt && <span className="quiet">begun {dateAndTime(row.startedAt)}</span>}
          </p>
        }
        actions={mayStop && isUnderWay(row) && <StopButton row={row} />}
      />
      {row.error && (
        <Notice tone="bad" title="It could not be taken in">
          {row.error}
        </Notice>
      )}
      {isUnderWay(row) && (
        <Card title="How far it is">
          <div className="stack tight">
            <Bar label="Progress of the import" value={row.progress ?? undefined} words={words} />
            <p className="quiet small">{doingOf(row)}</p>
          </div>
        </Card>
      )}
      <Outcome row={row} />
      {(row.skipped.length > 0 || row.rejected.length > 0) && (
        <div className={row.skipped.length > 0 && row.rejected.length > 0 ? 'columns two even' : 'columns'}>
          {row.skipped.length > 0 && (
            <Card title="Left out by the mapping" note="As it says">
              <RowCounts counts={row.skipped} />
            </Card>
          )}
          {row.rejected.length > 0 && (
            <Card title="Rows that no event can be made of" note="Kept in quarantine with their line">
              <RowCounts counts={row.rejected} />
            </Card>
          )}
        </div>
      )}
      {refused > 0 && (
        <>
          <RejectedCard source={row.source} />
          <p className="quiet">
            Mend them one by one, or read all of them by another mapping, in <Link to="/quarantine">quarantine</Link>.
          </p>
        </>
      )}
      {row.mapping !== null && (
        <Card title="How its rows were read">
          <details>
            <summary className="small">The mapping</summary>
            <pre className="mono">{JSON.stringify(row.mapping, null, 2)}</pre>
          </details>
        </Card>
      )}
    </>
  );
}

function Outcome({ row }: { row: Import }): ReactNode {
  const now = useNow(1000);
  return (
    <Stats>
      <Stat label="Rows" value={row.rowsTotal === null ? NONE : count(row.rowsTotal)} note={`${count(row.rowsFolded)} became events`} />
      <Stat label="Events stored" value={count(row.eventsStored)} />
      <Stat label="Known before" value={count(row.eventsDuplicate)} note="not stored twice" />
      <Stat label="Refused" value={count(rowsOf(row.rejected) + row.eventsRejected)} note="rows and events" />
      <Stat label="Took" value={lastingBetween(row.startedAt, row.finishedAt, now) ?? NONE} words />
    </Stats>
  );
}

function StopButton({ row }: { row: Import }): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const { isBusy, problem, run } = useFormAction(CancelImportDocument, 'Import');
  const say = useSay();
  const confirm = async (): Promise<void> => {
    if (!(await run({ id: row.id }))) return;
    say('It stops within moments.');
    setAsking(false);
  };
  return (
    <>
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Stop
      </button>
      {isAsking && (
        <Dialog title={`Stop importing “${row.fileName}”?`} confirm="Stop the import" busy={isBusy} problem={problem} onConfirm={() => void confirm()} onClose={() => setAsking(false)}>
          <p>What was stored until then stays. The same file imported again goes on from there and stores nothing twice.</p>
        </Dialog>
      )}
    </>
  );
}
