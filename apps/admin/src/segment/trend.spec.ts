import { stabilityInWords } from './stability';
import { trendFrom, trendOf } from './trend';

describe('the trend of a segment', () => {
  it('compares its size with a week before, by the clock of the data', () => {
    expect(trendFrom('2011-12-09T12:50:00.000Z')).toBe('2011-12-02T12:50:00.000Z');
    expect(trendOf(110, 100)).toEqual({ words: '+10 %', direction: 'up' });
    expect(trendOf(955, 1000)).toEqual({ words: '−4.5 %', direction: 'down' });
    expect(trendOf(1001, 1000)).toEqual({ words: 'level', direction: 'level' });
  });

  it('is not told of a segment that was not there', () => {
    expect(trendOf(110, undefined)).toBeUndefined();
    expect(trendOf(110, 0)).toBeUndefined();
  });
});

describe('stability', () => {
  it('warns below .6', () => {
    expect(stabilityInWords(0.59)).toEqual({ words: 'unstable', tone: 'warn' });
    expect(stabilityInWords(0.6).tone).not.toBe('warn');
  });
});
