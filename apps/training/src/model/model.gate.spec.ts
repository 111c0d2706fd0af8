import { worker } from '#libs/contracts';

import { type Candidate, judgeCandidate } from './model.gate.js';

const measure = (name: string, subject: string, value: number): worker.Measure => ({ name, subject, value, deviation: 0, baseline: subject === 'rfm' });
const segment = (index: number): worker.DiscoveredSegment => ({
  index, name: `segment ${index}`, description: '', size: 10, share: 0.5, stability: 0.9, traits: [], typicalCustomerIds: [], overlaps: [],
  level: worker.SegmentLevel.MAIN, rule: undefined,
});
const sane: Candidate = {
  measures: [measure('auc', 'embedding', 0.8), measure('auc', 'rfm', 0.79), measure('ari', 'segments', 0.93)],
  segments: [segment(0), segment(1)],
  customers: 5_942,
  placed: 5_942,
  championMeasures: [],
};

describe('the gate', () => {
  it('approves a sane model and says what was found', () => {
    expect(judgeCandidate(sane)).toEqual({
      state: 'APPROVED',
      sentence:
        'Approved: 2 segments; alike when found again (agreement 0.93); foresees customers with AUC 0.80, against 0.79 by recency, frequency and monetary value; all 5,942 customers have a place.',
    });
  });

  it.each([
    ['what they reach', 0.791, 'against 0.79 by recency, frequency and monetary value and 0.79 by hand-made aggregates;'],
    ['that they win', 0.82, 'against 0.79 by recency, frequency and monetary value (hand-made aggregates foresee better: 0.820 against 0.800);'],
  ])('says of hand-made aggregates %s', (_, auc, told) => {
    const { state, sentence } = judgeCandidate({ ...sane, measures: [...sane.measures, measure('auc', 'aggregates', auc)] });
    expect(state).toBe('APPROVED');
    expect(sentence).toContain(told);
  });

  it('calls a lead of hand-made aggregates small where it lies within one deviation', () => {
    const aggregates = { ...measure('auc', 'aggregates', 0.804), deviation: 0.005 };
    expect(judgeCandidate({ ...sane, measures: [...sane.measures, aggregates] }).sentence).toContain('a little better: 0.804 against 0.800');
  });

  it('does not hold against a model what could not be measured', () => {
    expect(judgeCandidate({ ...sane, measures: [measure('auc', 'embedding', Number.NaN)] })).toEqual({
      state: 'APPROVED',
      sentence: 'Approved: 2 segments; all 5,942 customers have a place.',
    });
  });

  it('does not have the served model replaced unseen, where the foresight of that one was measured', () => {
    const unmeasured = { ...sane, measures: [measure('ari', 'segments', 0.93)] };
    const champion = [measure('auc', 'embedding', 0.78), measure('auc', 'forecast', 0.81)];
    expect(judgeCandidate({ ...unmeasured, championMeasures: champion })).toEqual({
      state: 'HELD',
      sentence: 'Held: how well it foresees customers could not be measured, as it could of the served model (AUC 0.81): too few of them came, or stayed away, in the time that it is measured on.',
    });
    expect(judgeCandidate({ ...unmeasured, championMeasures: unmeasured.measures }).state).toBe('APPROVED');
    expect(judgeCandidate({ ...sane, championMeasures: champion }).state).toBe('APPROVED');
  });

  it.each<[string, Partial<Candidate>, string]>([
    ['leaves customers without a place', { placed: 5_000 }, 'Held: 942 of 5,942 customers have no place in it.'],
    ['found one segment', { segments: [segment(0)] }, 'Held: it found only one segment.'],
    ['found none', { segments: [] }, 'Held: it found no segments.'],
    [
      'finds other segments every time',
      { measures: [measure('ari', 'segments', 0.31)] },
      'Held: its segments do not come out alike when they are found again (agreement 0.31, at least 0.60 is asked for).',
    ],
    [
      'foresees nothing, however well a probe on it does',
      { measures: [...sane.measures, measure('foreseen', 'forecast', 0)] },
      'Held: none of its pretext tasks foresees what customers do, as horizon does: it would be served without a forecast.',
    ],
    [
      'foresees worse than counting does',
      { measures: [measure('auc', 'embedding', 0.7), measure('auc', 'rfm', 0.79)] },
      'Held: it foresees customers worse than recency, frequency and monetary value do (AUC 0.70 against 0.79).',
    ],
  ])('holds a model that %s', (_, change, sentence) => {
    expect(judgeCandidate({ ...sane, ...change })).toEqual({ state: 'HELD', sentence });
  });

  it('lets the better of forecast and embedding speak for the model', () => {
    const measures = [measure('auc', 'embedding', 0.7), measure('auc', 'forecast', 0.8), measure('auc', 'rfm', 0.79)];
    expect(judgeCandidate({ ...sane, measures }).state).toBe('APPROVED');
  });
});
