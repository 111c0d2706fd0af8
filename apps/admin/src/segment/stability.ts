import type { Tone } from '../parts/figures';

/** What a stability (mean agreement over bootstrap refits, 0..1) means to a reader; below .6 a segment may be gone after the next run. */
export function stabilityInWords(stability: number): { words: string; tone: Tone } {
  if (stability >= 0.9) return { words: 'very stable', tone: 'good' };
  if (stability >= 0.75) return { words: 'stable', tone: 'good' };
  if (stability >= 0.6) return { words: 'fair', tone: 'plain' };
  return { words: 'unstable', tone: 'warn' };
}
