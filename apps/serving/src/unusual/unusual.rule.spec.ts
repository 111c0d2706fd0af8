import { CLEARLY, crossingOf } from './unusual.rule.js';

const THRESHOLD = 0.5;

test.each([
  [false, 0.5, 'BEGINS'],
  [false, 0.49, 'NONE'],
  [true, 0.49, 'GOES_ON'],
  [true, 1, 'GOES_ON'],
  [true, THRESHOLD - CLEARLY, 'GOES_ON'],
  [true, 0.39, 'ENDS'],
] as const)('unusual before: %s, read at %d: %s', (isUnusual, novelty, crossing) => {
  expect(crossingOf(isUnusual, novelty, THRESHOLD)).toBe(crossing);
});

test('a life that swings about the threshold becomes unusual once', () => {
  let isUnusual = false;
  const crossings = [0.51, 0.48, 0.52, 0.45, 0.6, 0.42, 0.5, 0.2].map((novelty) => {
    const crossing = crossingOf(isUnusual, novelty, THRESHOLD);
    isUnusual = crossing === 'BEGINS' || crossing === 'GOES_ON';
    return crossing;
  });
  expect(crossings.filter((crossing) => crossing !== 'GOES_ON')).toEqual(['BEGINS', 'ENDS']);
});

test('where there is no threshold nobody is unusual', () => {
  expect([crossingOf(false, 1, undefined), crossingOf(true, 1, undefined)]).toEqual(['NONE', 'ENDS']);
});
