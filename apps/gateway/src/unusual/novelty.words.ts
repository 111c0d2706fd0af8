/** Novelty says the order of magnitude of rarity: a fifth per factor of ten, up to one in 100,000. */
const DECADES = 5;

/** As rare as one in so many. */
export function oneIn(novelty: number): number {
  return Math.round(10 ** (DECADES * Math.min(1, Math.max(0, novelty))));
}

/** "as rare as one in 430 customers; unusual from one in 190 on" */
export function inWords(novelty: number, threshold: number | undefined, ones: 'customers' | 'events'): string {
  const rarity = rarityOf(novelty, ones);
  return threshold === undefined ? rarity : `${rarity}; unusual from one in ${rounded(threshold)} on`;
}

function rarityOf(novelty: number, ones: 'customers' | 'events'): string {
  if (novelty >= 1) return `rarer than one in ${rounded(novelty)} ${ones}`;
  return oneIn(novelty) <= 2 ? `as ordinary as most ${ones}` : `as rare as one in ${rounded(novelty)} ${ones}`;
}

function rounded(novelty: number): string {
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 2 }).format(oneIn(novelty));
}
