import fc from 'fast-check';

import { RUN_STEPS } from '#libs/queue';

import { IllegalTransition, isTerminal, mayBecome, progressOf, RUN_STATES, type RunState, secondsLeft, transition } from './run.states.js';

const anyState = fc.constantFrom(...RUN_STATES);

/** Follows wishes from QUEUED as long as the table allows each. */
function walk(wishes: readonly RunState[]): RunState[] {
  const path: RunState[] = ['QUEUED'];
  for (const wish of wishes) {
    const here = path.at(-1) ?? 'QUEUED';
    if (mayBecome(here, wish)) path.push(transition(here, wish));
  }
  return path;
}

describe('states of a run', () => {
  it('refuses every transition that is not in the table', () => {
    fc.assert(
      fc.property(anyState, anyState, (from, to) => {
        if (mayBecome(from, to)) expect(transition(from, to)).toBe(to);
        else expect(() => transition(from, to)).toThrow(IllegalTransition);
      }),
    );
  });

  it('never leaves a terminal state', () => {
    fc.assert(
      fc.property(anyState.filter(isTerminal), anyState, (from, to) => {
        expect(mayBecome(from, to)).toBe(false);
      }),
    );
    expect(RUN_STATES.filter(isTerminal).sort()).toEqual(['CANCELLED', 'FAILED', 'SUCCEEDED']);
  });

  it('takes no step before the one before it, and none backwards, whatever is wished for', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 60 }), (wishes) => {
        const steps = walk(wishes).filter((state) => (RUN_STEPS as readonly string[]).includes(state));
        const order = [...new Set(steps)];
        expect(order).toEqual(RUN_STEPS.slice(0, order.length));
      }),
    );
  });

  it('ends SUCCEEDED only after all five steps, and CANCELLED only after CANCELLING', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 60 }), (wishes) => {
        const path = walk(wishes);
        if (path.at(-1) === 'SUCCEEDED') expect(path).toEqual(expect.arrayContaining([...RUN_STEPS]));
        if (path.at(-1) === 'CANCELLED') expect(path.at(-2)).toBe('CANCELLING');
      }),
      { numRuns: 500 },
    );
  });

  it('lets everything that is not terminal be cancelled, once', () => {
    for (const state of RUN_STATES) expect(mayBecome(state, 'CANCELLING')).toBe(!isTerminal(state) && state !== 'CANCELLING');
  });

  it('lets progress only rise from step to step, from 0 to 1', () => {
    const ends = RUN_STEPS.flatMap((step) => [progressOf(step, 0), progressOf(step, 1)]);
    expect(ends[0]).toBe(0);
    expect(ends.at(-1)).toBeCloseTo(1, 10);
    for (const [index, end] of ends.entries()) expect(end).toBeGreaterThanOrEqual(ends[index - 1] ?? 0);
  });

  it('counts the steps to come into the time that is left, at the pace so far, and says nothing where a step does not know its own', () => {
    expect(secondsLeft('TRAINING', 23, 0)).toBeCloseTo(50, 10); // of .46 of the run at its end, 23 s of .54 more are 27 s
    expect(secondsLeft('BACKFILLING', 5, 95)).toBeCloseTo(5, 10);
    expect(secondsLeft('TRAINING', 0, 60)).toBe(0);
  });
});
