import { RUN_STEPS, type RunStepName } from '#libs/queue';
import type { schema } from '#libs/database';

export type RunState = schema.$Enums.RunState;

/**
 * Every transition there is. A step's state may follow itself: its job was picked up again after a crash.
 * Nothing else changes a run's state.
 */
const TRANSITIONS = {
  QUEUED: ['SNAPSHOTTING', 'CANCELLING', 'FAILED'],
  SNAPSHOTTING: ['SNAPSHOTTING', 'TRAINING', 'CANCELLING', 'FAILED'],
  TRAINING: ['TRAINING', 'DISCOVERING', 'CANCELLING', 'FAILED'],
  DISCOVERING: ['DISCOVERING', 'EVALUATING', 'CANCELLING', 'FAILED'],
  EVALUATING: ['EVALUATING', 'BACKFILLING', 'CANCELLING', 'FAILED'],
  BACKFILLING: ['BACKFILLING', 'SUCCEEDED', 'CANCELLING', 'FAILED'],
  CANCELLING: ['CANCELLED'],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
} as const satisfies Record<RunState, readonly RunState[]>;

export const RUN_STATES = Object.keys(TRANSITIONS) as RunState[];

/** States in which nothing is left to do; the reconciler looks after all others. */
export const isTerminal = (state: RunState): boolean => TRANSITIONS[state].length === 0;

export const mayBecome = (from: RunState, to: RunState): boolean => (TRANSITIONS[from] as readonly RunState[]).includes(to);

export class IllegalTransition extends Error {
  constructor(from: RunState, to: RunState) {
    super(`a run that is ${from} cannot become ${to}`);
    this.name = 'IllegalTransition';
  }
}

/** The state after a transition; throws IllegalTransition. */
export function transition<To extends RunState>(from: RunState, to: To): To {
  if (!mayBecome(from, to)) throw new IllegalTransition(from, to);
  return to;
}

/** Share of a run's time that each step takes, roughly: it depends on the data. Sums to 1. */
const WEIGHT: Record<RunStepName, number> = { SNAPSHOTTING: 0.06, TRAINING: 0.4, DISCOVERING: 0.2, EVALUATING: 0.26, BACKFILLING: 0.08 };

/** Progress of the whole run, 0..1, while `fraction` of a step is done. */
export function progressOf(state: RunStepName, fraction: number): number {
  const before = RUN_STEPS.slice(0, RUN_STEPS.indexOf(state)).reduce((sum, step) => sum + WEIGHT[step], 0);
  return before + WEIGHT[state] * Math.min(Math.max(fraction, 0), 1);
}

/**
 * Seconds until the whole run ends: those until the step ends, as the step itself counts them, and for the steps after it as long as their
 * share takes at the pace from the run's beginning to that end. 0 while unknown, as for the step.
 */
export function secondsLeft(state: RunStepName, ofStep: number, tookSeconds: number): number {
  if (!(ofStep > 0)) return 0;
  const done = progressOf(state, 1);
  return ofStep + ((Math.max(tookSeconds, 0) + ofStep) * (1 - done)) / done;
}
