import { curveName, factsOf, goesOver, groupCurves } from './curves';

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

  it('tell in words what is known once, instead of drawing one point', () => {
    const known = [
      { name: 'continued', points: [{ step: 0, value: 0 }] },
      { name: 'quality.left_out', points: [{ step: 0, value: 4 }] },
      { name: 'surprise', points: [{ step: 0, value: 0.062 }] },
    ];
    expect(groupCurves(known)).toEqual([]);
    expect(factsOf(known).map(({ label, value }) => [label, value])).toEqual([['Properties left out', '4'], ['Began', 'anew'], ['Surprise of the served model', '6.2 %']]);
    expect(factsOf([])).toEqual([]);
  });

  it('go over numbers of segments where these were tried', () => {
    expect([goesOver('segments.score'), goesOver('loss')]).toEqual(['segments', 'step']);
  });
});
