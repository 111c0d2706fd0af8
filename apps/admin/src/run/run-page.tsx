import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { CancelRunDocument, RunDetailDocument, type RunDetailQuery } from '../gen/graphql';
import { Actor } from '../key/actor';
import { Card, PageHead } from '../parts/card';
import { Stat, Stats } from '../parts/figures';
import { Empty, Loading, Notice, Problem } from '../parts/states';
import { useSay } from '../parts/toast';
import { useButtonAction } from '../session/action';
import { useReading } from '../session/reading';
import { useMay } from '../session/viewer';
import { count } from '../wording/figure';
import { dateAndTime, daysInWords } from '../wording/time';
import { Curves } from './curve-charts';
import { factsOf } from './curves';
import { useLive, useLiveRun } from './live-run';
import { ChooseButton } from './retrain-button';
import { RunProgress } from './run-progress';
import { isCancellable, isEnded, stateInWords, type Run } from './state';

type Detail = NonNullable<RunDetailQuery['trainingRun']>;

/** Curves come with the run and not over its subscription: how often to read them while it learns. */
const CURVES_MS = 4000;

export function RunPage(): ReactNode {
  const { id = '' } = useParams();
  const { run: live } = useLiveRun();
  const isGoing = live?.id === id && !isEnded(live);
  const { data, error, isLoading, again } = useReading(RunDetailDocument, { id }, isGoing ? { everyMs: CURVES_MS } : {});
  const run = data?.trainingRun;
  return (
    <>
      {error && <Problem error={error} again={again} />}
      {isLoading && (
        <section className="card">
          <Loading what="the run" lines={8} />
        </section>
      )}
      {data && !run && (
        <section className="card">
          <Empty title="There is no such run" action={<Link className="button" to="/runs">All runs</Link>}>
            It may belong to another workspace.
          </Empty>
        </section>
      )}
      {run && <RunDetail read={run} />}
    </>
  );
}

function RunDetail({ read }: { read: Detail }): ReactNode {
  const run = useLive(read);
  const isGoing = !isEnded(run);
  const facts = factsOf(read.metrics);
  return (
    <>
      <PageHead
        above={<Link to="/runs">Runs</Link>}
        title={`Run of ${dateAndTime(run.createdAt)}`}
        actions={isCancellable(run) ? <CancelButton run={run} /> : <ChooseButton spec={read.spec} />}
      />
      <section className="card" aria-label="Progress">
        <div className="inside">
          <RunProgress run={run} />
        </div>
      </section>
      <Outcome run={run} />
      <Stats>
        <Stat label="Learns from" value={run.events === null ? '–' : count(run.events)} note="events" />
        <Stat label="Of" value={run.customers === null ? '–' : count(run.customers)} note="customers" />
        <Stat label="Started by" value={<Actor actor={run.requestedBy} />} words />
        <Stat label="Asked for" value={dateAndTime(run.createdAt)} words />
      </Stats>
      {facts.length > 0 && (
        <Stats>
          {facts.map((fact) => (
            <Stat key={fact.label} {...fact} words />
          ))}
        </Stats>
      )}
      {read.metrics.some(({ points }) => points.length > 0) ? (
        <Curves metrics={read.metrics} />
      ) : (
        isGoing && (
          <Card title="Curves">
            <p className="quiet">Losses appear here once training has begun.</p>
          </Card>
        )
      )}
      <SpecCard spec={read.spec} />
    </>
  );
}

function Outcome({ run }: { run: Run }): ReactNode {
  if (run.state === 'FAILED' && run.error)
    return (
      <Notice tone="bad" title={`Failed while ${stateInWords(run.error.state).words.toLowerCase()} (${run.error.code})`}>
        {run.error.message} What is served has not changed.
      </Notice>
    );
  if (run.state === 'CANCELLED') return <Notice title="Cancelled">What is served has not changed.</Notice>;
  if (run.state === 'SUCCEEDED' && run.model) {
    const { id, version, state } = run.model;
    return (
      <Notice tone="good" title={`It made model v${version}`} action={<Link className="button" to={`/models/${encodeURIComponent(id)}`}>See the model</Link>}>
        {state === 'CHAMPION' ? 'That model is served now.' : state === 'HELD' ? 'Its evaluation held it back; see why before you promote it.' : 'Look at its evaluation, then promote it or leave things as they are.'}
      </Notice>
    );
  }
  return null;
}

function CancelButton({ run }: { run: Run }): ReactNode {
  const { isBusy, run: cancel } = useButtonAction(CancelRunDocument, 'TrainingRun');
  const mayCancel = useMay('EDITOR');
  const say = useSay();
  const press = async (): Promise<void> => {
    if (await cancel({ id: run.id })) say('The run stops within seconds. What is served stays as it is.');
  };
  if (!mayCancel) return null;
  return (
    <button type="button" className="button danger" disabled={isBusy} onClick={() => void press()}>
      Cancel the run
    </button>
  );
}

/** What is seldom asked for is told only where it was. */
function finerFacts(spec: Detail['spec']): [string, number][] {
  const facts: [string, number | null | undefined][] = [
    ['Epochs of a retraining', spec.continuedEpochs],
    ['Learning rate of a retraining', spec.continuedLearningRate],
    ['Begin anew where the loss has risen by', spec.surprise],
    ['Moments per customer and step', spec.reads],
    ['Share held out', spec.heldOut],
    ['Dropout of items', spec.itemDropout],
    ['Dropout', spec.dropout],
  ];
  return facts.flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name, value]]));
}

function SpecCard({ spec }: { spec: Detail['spec'] }): ReactNode {
  const named = (list: string[]): string | null => (list.length > 0 ? list.join(', ') : null);
  const days = (list: number[]): string | null => (list.length > 0 ? list.map(daysInWords).join(', ') : null);
  const facts: [string, string | number | null][] = [
    ['Encoder', spec.encoder],
    ['Objectives', spec.objectives.length > 0 ? spec.objectives.map(({ name, weight }) => `${name.replaceAll('_', ' ')} (${weight})`).join(', ') : null],
    ['Width of the embedding', spec.width],
    ['Epochs', spec.epochs],
    ['Customers per step', spec.batchSize],
    ['Learning rate', spec.learningRate],
    ['Horizons', days(spec.horizonDays)],
    ['Half-lives', days(spec.halfLifeDays)],
    ['Segments', spec.segmentCount],
    ['Share of customers', spec.sampleFraction],
    ['Main events', named(spec.mainEvents)],
    ['Value', spec.valueProperty],
    ['Items', spec.itemField],
    ['Precision', spec.precision],
    ['Leaks', spec.keepLeaks ? 'learned from' : null],
    ['Kept by name', named(spec.keepProperties)],
    ['Left out by name', named(spec.leaveOutProperties)],
    ...finerFacts(spec),
    ['Seed', spec.seed],
  ];
  return (
    <Card title="What it trains" note="Left open: taken from the data or the default">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? <span className="quiet">left open</span>}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
