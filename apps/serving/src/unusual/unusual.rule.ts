/**
 * The one rule that turns readings into who is unusual. Somebody becomes so where a reading reaches the threshold, and is
 * usual again only where one lies CLEARLY below it, three times as ordinary on the scale of novelty: a life at the border,
 * or a long strange one, is one alert and not one for each event.
 */

/** A fifth of novelty is a factor of ten of rarity, half of it one of three. */
export const CLEARLY = 0.1;

export type Crossing = 'BEGINS' | 'GOES_ON' | 'ENDS' | 'NONE';

/** `threshold` undefined: there is none any more, so nobody is unusual. */
export function crossingOf(isUnusual: boolean, novelty: number, threshold: number | undefined): Crossing {
  if (isUnusual) return threshold !== undefined && novelty >= threshold - CLEARLY ? 'GOES_ON' : 'ENDS';
  return threshold !== undefined && novelty >= threshold ? 'BEGINS' : 'NONE';
}
