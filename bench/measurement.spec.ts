import { above, atLeast, atMost, below, lineChart } from './measurement.ts';

describe('a target', () => {
  it('is judged by what was measured and not by what is shown of it, which has as many decimals as tell it from the limit', () => {
    expect(atLeast('times the peer', 3, 2.9961, 2)).toEqual({ what: 'times the peer', target: '>= 3', measured: 2.996, met: false });
    expect(atMost('exponent', 1.05, 1.0504, 2)).toEqual({ what: 'exponent', target: '<= 1.05', measured: 1.0504, met: false });
    expect(above('lead', 0, 0.00004, 4)).toEqual({ what: 'lead', target: '> 0', measured: 0.00004, met: true });
    expect(below('error', 0.5, 0.49994, 2)).toEqual({ what: 'error', target: '< 0.5', measured: 0.4999, met: true });
    expect(atLeast('share', 1, 1, 2)).toEqual({ what: 'share', target: '>= 1', measured: 1, met: true });
    expect(Object.is(above('loss', 0.1, -0.0001, 3).measured, 0)).toBe(true);
  });

  it('is not met by a measurement that failed', () => {
    expect(atLeast('rate', 3, Number.NaN).met).toBe(false);
    expect(below('error', 3, Number.NaN).met).toBe(false);
  });
});

test('a curve is a Mermaid chart', () => {
  expect(lineChart({ title: 'a curve', x: 'cycles', y: 'novelty', points: [[10, 0.25], ['end', 0.7]] })).toBe(
    '```mermaid\nxychart-beta\n  title "a curve"\n  x-axis "cycles" ["10", "end"]\n  y-axis "novelty" 0 --> 0.7\n  line [0.250, 0.700]\n```',
  );
});
