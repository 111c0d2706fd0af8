import type { RunProgressFragment, TrainingRunState } from '../gen/graphql';
import type { Tone } from '../parts/figures';
import { lastingBetween } from '../wording/time';

export type Run = RunProgressFragment;

/** The steps of a run, in their order, in words. */
export const STEPS: readonly { state: TrainingRunState; name: string; does: string }[] = [
  { state: 'SNAPSHOTTING', name: 'Snapshot', does: 'Copying events' },
  { state: 'TRAINING', name: 'Train', does: 'Learning to read behaviour' },
  { state: 'DISCOVERING', name: 'Discover', does: 'Finding segments' },
  { state: 'EVALUATING', name: 'Evaluate', does: 'Measuring the result' },
  { state: 'BACKFILLING', name: 'Backfill', does: 'Placing every customer' },
];

const WORDS: Record<TrainingRunState, { words: string; tone: Tone }> = {
  QUEUED: { words: 'Waiting', tone: 'live' },
  SNAPSHOTTING: { words: 'Copying events', tone: 'live' },
  TRAINING: { words: 'Training', tone: 'live' },
  DISCOVERING: { words: 'Finding segments', tone: 'live' },
  EVALUATING: { words: 'Evaluating', tone: 'live' },
  BACKFILLING: { words: 'Placing customers', tone: 'live' },
  CANCELLING: { words: 'Cancelling', tone: 'warn' },
  SUCCEEDED: { words: 'Succeeded', tone: 'good' },
  FAILED: { words: 'Failed', tone: 'bad' },
  CANCELLED: { words: 'Cancelled', tone: 'plain' },
};

const ENDS: ReadonlySet<TrainingRunState> = new Set<TrainingRunState>(['SUCCEEDED', 'FAILED', 'CANCELLED']);

export function stateInWords(state: TrainingRunState): { words: string; tone: Tone } {
  return WORDS[state];
}

export function isEnded(run: Pick<Run, 'state'>): boolean {
  return ENDS.has(run.state);
}

export function isCancellable(run: Pick<Run, 'state'>): boolean {
  return !isEnded(run) && run.state !== 'CANCELLING';
}

/** "Snapshot 27 s · Train 2 min 06 s": what each finished step took. */
export function stepsInWords(run: Pick<Run, 'steps'>): string {
  return STEPS.flatMap(({ state, name }) => {
    const step = run.steps.find((one) => one.state === state);
    const took = step?.finishedAt && lastingBetween(step.startedAt, step.finishedAt, 0);
    return took ? [`${name} ${took}`] : [];
  }).join(' · ');
}

export type StepStanding = 'done' | 'now' | 'failed' | 'ahead';

/** How far a run is with one of its steps; a run that ended badly failed in the step it was in. */
export function standingOf(run: Pick<Run, 'state' | 'error' | 'steps'>, step: TrainingRunState): StepStanding {
  const at = STEPS.findIndex(({ state }) => state === step);
  if (run.state === 'SUCCEEDED') return 'done';
  if (run.error?.state === step) return 'failed';
  const begun = run.steps.find(({ state }) => state === step);
  if (begun?.finishedAt) return 'done';
  if (run.state === step) return 'now';
  const current = STEPS.findIndex(({ state }) => state === run.state);
  return current > at ? 'done' : 'ahead';
}
