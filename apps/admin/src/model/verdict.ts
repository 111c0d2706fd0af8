import type { ModelState } from '../gen/graphql';
import type { Tone } from '../parts/figures';

const WORDS: Record<ModelState, { words: string; tone: Tone }> = {
  CANDIDATE: { words: 'Candidate', tone: 'plain' },
  APPROVED: { words: 'Approved', tone: 'good' },
  HELD: { words: 'Held back', tone: 'warn' },
  CHAMPION: { words: 'Served now', tone: 'live' },
  RETIRED: { words: 'Retired', tone: 'plain' },
};

export function modelStateInWords(state: ModelState): { words: string; tone: Tone } {
  return WORDS[state];
}

export function isPromotable(model: { state: ModelState }): boolean {
  return model.state !== 'CHAMPION';
}
