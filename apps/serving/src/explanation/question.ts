import type { worker } from '#libs/contracts';

import { type Reading, UNSEEN } from '../scoring/assignment.rule.js';
import type { Scorer } from '../scoring/scorer.js';
import type { Micros } from '../time/micros.js';

/** What a customer could have been: these events after that state, read at a time. */
export interface Question {
  readonly state: Buffer;
  readonly events: readonly worker.ScoreEvent[];
  readonly readAt: Micros;
}

export interface Answer extends Reading {
  readonly state: Buffer;
  /** Little-endian float32. */
  readonly embedding: Buffer;
}

const AT_ONCE = 256;

/** What the model says of each, in order. */
export async function ask(scorer: Scorer, questions: readonly Question[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < questions.length; from += AT_ONCE) {
    const requests = questions.slice(from, from + AT_ONCE).map(({ events, ...question }, index) => ({ customerId: String(from + index), events: [...events], ...question }));
    for (const { error, rebuild, segmentIndex, strength, state, embedding } of (await scorer.score(requests)).customers) {
      if (error || rebuild) throw new Error(`A customer as they could have been cannot be read: ${error || 'events out of order'}`);
      answers.push({ segmentIndex, strength, state: Buffer.from(state), embedding: Buffer.from(embedding) });
    }
  }
  return answers;
}

/** How strongly an answer speaks for a segment: its own strength, or what another one leaves, as in the rule of assignment. */
export function strengthIn(index: number, { segmentIndex, strength }: Reading): number {
  if (segmentIndex === index) return strength;
  return segmentIndex === UNSEEN ? 0 : 1 - strength;
}
