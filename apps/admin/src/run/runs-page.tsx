import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { TrainingRunsDocument } from '../gen/graphql';
import { ModelsCard } from '../model/models-card';
import { Card, PageHead } from '../parts/card';
import { useNow } from '../parts/clock';
import { Badge, Meter } from '../parts/figures';
import { Pager, usePaging } from '../parts/pager';
import { Empty, Loading, Problem } from '../parts/states';
import { number, Table } from '../parts/table';
import { useReading } from '../session/reading';
import { count, percent } from '../wording/figure';
import { ago, dateAndTime, lastingBetween, timeLeft } from '../wording/time';
import { useLive, useLiveRun } from './live-run';
import { ChooseButton, RetrainButton } from './retrain-button';
import { RunBanner } from './run-banner';
import { rateOf } from './run-progress';
import { isEnded, stateInWords, stepsInWords, type Run } from './state';
import './runs-page.css';

const PAGE = 10;
const TRIGGERS: Record<Run['trigger'], string> = { PERSON: 'by hand', SCHEDULE: 'on schedule', DRIFT: 'for drift', STUDY: 'for a study' };

export function RunsPage(): ReactNode {
  const actions = (
    <>
      <ChooseButton />
      <RetrainButton />
    </>
  );
  return (
    <>
      <PageHead title="Runs" below={<p className="quiet">From stored events to a model, and from there to what is served.</p>} actions={actions} />
      <RunBanner />
      <RunsCard />
      <ModelsCard />
    </>
  );
}

function RunsCard(): ReactNode {
  const paging = usePaging(PAGE);
  const { data, error, isLoading, again } = useReading(TrainingRunsDocument, { first: PAGE, after: paging.after });
  const { run: live } = useLiveRun();
  const list = data?.trainingRuns;
  // A run that was only just started leads the list before the list is read anew.
  const isNew = live && list && paging.after === null && !list.nodes.some(({ id }) => id === live.id);
  const runs = list ? (isNew ? [live, ...list.nodes] : list.nodes) : [];
  return (
    <Card title="Training runs" flush>
      {error && <Problem error={error} again={again} />}
      {isLoading && <Loading what="runs" />}
      {list && runs.length === 0 && (
        <Empty title="No runs yet">Press Retrain to learn from everything stored by now. A first model is served by itself if it passes its evaluation.</Empty>
      )}
      {list && runs.length > 0 && (
        <>
          <Table columns={['Run', 'State', 'Steps', 'Took', number('Events'), 'Model']} className="runs">
            {runs.map((run) => (
              <Row key={run.id} run={run} />
            ))}
          </Table>
          <Pager paging={paging} shown={runs.length} total={list.totalCount + (isNew ? 1 : 0)} what="runs" pageInfo={list.pageInfo} />
        </>
      )}
    </Card>
  );
}

function Row({ run: read }: { run: Run }): ReactNode {
  const run = useLive(read);
  const now = useNow(isEnded(run) ? 60_000 : 1000);
  const { words, tone } = stateInWords(run.state);
  return (
    <tr>
      <th scope="row">
        <Link to={`/runs/${encodeURIComponent(run.id)}`} title={dateAndTime(run.createdAt)}>
          {ago(run.createdAt, now)}
        </Link>
        <div className="small quiet started">started {TRIGGERS[run.trigger]}</div>
      </th>
      <td data-label="State">
        <Badge tone={tone}>{words}</Badge>
      </td>
      <td className="progress">
        {isEnded(run) ? (
          <span className="quiet small">{run.error?.message ?? stepsInWords(run)}</span>
        ) : (
          <>
            <span className="row tight nowrap">
              <Meter value={run.progress} /> {percent(run.progress)}
            </span>
            <span className="small quiet">{[run.step, rateOf(run), timeLeft(run.remainingSeconds)].filter(Boolean).join(' · ')}</span>
          </>
        )}
      </td>
      <td data-label="Took" className="nowrap">{lastingBetween(run.startedAt, run.finishedAt, now) ?? '–'}</td>
      <td data-label="Events" className="number">{run.events === null ? '–' : count(run.events)}</td>
      <td data-label="Model">{run.model ? <Link to={`/models/${encodeURIComponent(run.model.id)}`}>v{run.model.version}</Link> : <span className="quiet">–</span>}</td>
    </tr>
  );
}
