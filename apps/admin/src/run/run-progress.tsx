import type { ReactNode } from 'react';
import { useNow } from '../parts/clock';
import { Badge, Bar } from '../parts/figures';
import { count, shortCount } from '../wording/figure';
import { lastingBetween, timeLeft } from '../wording/time';
import { isEnded, standingOf, stateInWords, STEPS, type Run } from './state';
import './run-progress.css';

/** How far a run is: its steps, the bar, what is being done, how fast, and how long still. */
export function RunProgress({ run, more }: { run: Run; more?: ReactNode }): ReactNode {
  const now = useNow(1000);
  const { words, tone } = stateInWords(run.state);
  const took = lastingBetween(run.startedAt, run.finishedAt, now);
  const facts = [rateOf(run), timeLeft(run.remainingSeconds), took && `${took} ${isEnded(run) ? 'in all' : 'so far'}`].filter(Boolean);
  return (
    <div className="run-progress">
      <div className="row spread">
        <span className="row tight">
          <Badge tone={tone}>{words}</Badge>
          <span>{isEnded(run) ? '' : (run.step ?? '')}</span>
        </span>
        <span className="row tight">
          <span className="quiet small">{facts.join(' · ')}</span>
          {more}
        </span>
      </div>
      <Bar label="Progress of the run" value={run.progress} words={words} tone={tone} />
      <ol className="steps">
        {STEPS.map(({ state, name }) => (
          <Step key={state} run={run} state={state} name={name} now={now} />
        ))}
      </ol>
      <p className="hidden-visually" aria-live="polite">
        {words}, {Math.floor(run.progress * 10) * 10} percent
      </p>
    </div>
  );
}

function Step({ run, state, name, now }: { run: Run; state: Run['state']; name: string; now: number }): ReactNode {
  const standing = standingOf(run, state);
  const step = run.steps.find((one) => one.state === state);
  const took = lastingBetween(step?.startedAt, step?.finishedAt ?? run.finishedAt, now);
  return (
    <li className={standing} aria-current={standing === 'now' ? 'step' : undefined}>
      <span className="name">{name}</span>
      <span className="quiet small">{standing === 'ahead' ? '' : (took ?? '')}</span>
      {step && step.attempts > 1 && <span className="small retried">begun {count(step.attempts)} times</span>}
    </li>
  );
}

export function rateOf({ rate, rateUnit, state }: Run): string | undefined {
  return rate && !isEnded({ state }) ? `${shortCount(rate)} ${rateUnit ?? ''} a second`.replace('  ', ' ') : undefined;
}
