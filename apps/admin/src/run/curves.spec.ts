import { curveName, groupCurves } from './curves';

const points = [{ step: 1, value: 0.7 }];

describe('the curves of a run', () => {
  it('draw all losses together and every other figure alone', () => {
    const groups = groupCurves([
      { name: 'loss', points },
      { name: 'rank_me', points },
      { name: 'loss.next_event', points },
      { name: 'validation.loss', points },
      { name: 'lossless_share', points },
    ]);
    expect(groups.map(({ title, metrics }) => [title, metrics.length])).toEqual([
      ['Loss', 3],
      ['Rank of the embedding (RankMe)', 1],
      ['lossless share', 1],
    ]);
  });

  it('leave out what has no point yet', () => {
    expect(groupCurves([{ name: 'loss', points: [] }])).toEqual([]);
  });

  it('are named in words', () => {
    expect(curveName('loss.next_event')).toBe('next event');
    expect(curveName('validation.loss.horizon')).toBe('held out, horizon');
  });
});
