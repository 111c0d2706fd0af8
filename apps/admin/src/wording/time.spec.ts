import { ago, daysInWords, lasting, lastingBetween, timeLeft } from './time';

const NOW = Date.parse('2011-12-09T12:50:00Z');

describe('times', () => {
  it('are said as a person would say them', () => {
    expect(ago('2011-12-09T12:49:58Z', NOW)).toBe('just now');
    expect(ago('2011-12-09T12:46:00Z', NOW)).toBe('4 minutes ago');
    expect(ago('2011-12-08T12:00:00Z', NOW)).toBe('yesterday');
    expect(ago('2011-09-09T12:00:00Z', NOW)).toBe('9 Sept 2011');
  });

  it('say how long a step took, or takes so far', () => {
    expect([0.42, 42, 185, 7800].map(lasting)).toEqual(['0.4 s', '42 s', '3 min 05 s', '2 h 10 min']);
    expect(lasting(59.7)).toBe('1 min 00 s');
    expect(lastingBetween('2011-12-09T12:49:00Z', '2011-12-09T12:49:30Z', NOW)).toBe('30 s');
    expect(lastingBetween('2011-12-09T12:49:00Z', null, NOW)).toBe('1 min 00 s');
    expect(lastingBetween(null, null, NOW)).toBeUndefined();
  });

  it('say nothing of the time left while it is unknown', () => {
    expect(timeLeft(0)).toBeUndefined();
    expect(timeLeft(undefined)).toBeUndefined();
    expect(timeLeft(4)).toBe('a few seconds left');
    expect(timeLeft(32)).toBe('about 30 seconds left');
    expect(timeLeft(58)).toBe('about 1 minute left');
    expect(timeLeft(7100)).toBe('about 2 hours left');
  });

  it('count days in the unit that fits', () => {
    expect([1, 7, 14, 30, 90].map(daysInWords)).toEqual(['1 day', '7 days', '2 weeks', '30 days', '3 months']);
  });
});
