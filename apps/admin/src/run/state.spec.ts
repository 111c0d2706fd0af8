import { isCancellable, isEnded, standingOf, STEPS, stepsInWords, type Run } from './state';

const step = (state: Run['state'], finishedAt: string | null): Run['steps'][number] => ({ state, startedAt: '2011-12-09T12:00:00Z', finishedAt, attempts: 1 });
const standings = (run: Pick<Run, 'state' | 'error' | 'steps'>): string[] => STEPS.map(({ state }) => standingOf(run, state));

describe('a run', () => {
  it('has done what lies before its state, and has the rest ahead', () => {
    const steps = [step('SNAPSHOTTING', '2011-12-09T12:00:04Z'), step('TRAINING', null)];
    expect(standings({ state: 'TRAINING', error: null, steps })).toEqual(['done', 'now', 'ahead', 'ahead', 'ahead']);
  });

  it('has everything ahead while it waits, and behind it once it succeeded', () => {
    expect(new Set(standings({ state: 'QUEUED', error: null, steps: [] }))).toEqual(new Set(['ahead']));
    expect(new Set(standings({ state: 'SUCCEEDED', error: null, steps: [] }))).toEqual(new Set(['done']));
  });

  it('names the step it failed in', () => {
    const error = { code: 'NO_SPACE', message: 'The disk is full.', state: 'TRAINING' as const };
    const steps = [step('SNAPSHOTTING', '2011-12-09T12:00:04Z'), step('TRAINING', null)];
    expect(standings({ state: 'FAILED', error, steps })).toEqual(['done', 'failed', 'ahead', 'ahead', 'ahead']);
  });

  it('says what each finished step took', () => {
    expect(stepsInWords({ steps: [step('SNAPSHOTTING', '2011-12-09T12:00:04Z'), step('TRAINING', '2011-12-09T12:02:06Z'), step('DISCOVERING', null)] })).toBe(
      'Snapshot 4.0 s · Train 2 min 06 s',
    );
  });

  it('cannot be cancelled twice, nor once it ended', () => {
    expect(isCancellable({ state: 'TRAINING' })).toBe(true);
    expect(isCancellable({ state: 'CANCELLING' })).toBe(false);
    expect(isCancellable({ state: 'SUCCEEDED' })).toBe(false);
    expect(isEnded({ state: 'CANCELLING' })).toBe(false);
  });
});
