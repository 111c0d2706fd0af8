import { actionInWords, ANY, targetInWords, variablesOf } from './entry';

describe('an entry of the audit trail', () => {
  it('is read in words', () => {
    expect(actionInWords('startTrainingRun')).toBe('Start training run');
    expect(targetInWords('TrainingRun:018f0000-0000-7000-8000-000000000001')).toBe('TrainingRun 018f0000');
    expect(targetInWords('Workspace')).toBe('Workspace');
  });

  it('is asked for from the beginning of a day to the end of another', () => {
    expect(variablesOf(ANY)).toEqual({ actor: null, action: null, from: null, to: null });
    expect(variablesOf({ ...ANY, actor: 'key:1', from: '2026-11-30', until: '2026-11-30' })).toEqual({
      actor: 'key:1',
      action: null,
      from: new Date(2026, 10, 30).toISOString(),
      to: new Date(2026, 11, 1).toISOString(),
    });
  });
});
