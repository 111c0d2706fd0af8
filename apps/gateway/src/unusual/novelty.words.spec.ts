import { inWords, oneIn } from './novelty.words.js';

test.each([
  [0, 1], [0.2, 10], [0.4, 100], [0.6, 1_000], [1, 100_000], [1.5, 100_000],
])('a novelty of %d is as rare as one in %d', (novelty, rarity) => {
  expect(oneIn(novelty)).toBe(rarity);
});

test('words say how rare, and from where on that is unusual where that is known', () => {
  expect(inWords(0.527, 0.456, 'customers')).toBe('as rare as one in 430 customers; unusual from one in 190 on');
  expect(inWords(0.05, 0.4, 'events')).toBe('as ordinary as most events; unusual from one in 100 on');
  expect(inWords(1, undefined, 'events')).toBe('rarer than one in 100,000 events');
});
