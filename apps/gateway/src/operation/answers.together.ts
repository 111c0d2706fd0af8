import { LRUCache } from 'lru-cache';

import { type Gathered, gather } from '../backend/gathered.js';

/** Of which it is known whether a crowd asks them; and their length in all. */
const MOST_QUESTIONS = { max: 1_000, maxSize: 1_048_576 };

type Answering<Answer> = () => Promise<Answer>;

/**
 * Questions that are the same, and asked at the same time, are answered once: a product that asks with one key for all of its
 * users asks the same at each page view. They gather as reads do: no answer begins before all who are given it had asked, and
 * none is kept.
 */
export class AnswersTogether<Answer> {
  private readonly asked = new LRUCache<string, Gathered<Answering<Answer>, Answer>>({ ...MOST_QUESTIONS, sizeCalculation: (_, question) => question.length });

  answer(question: string, answer: Answering<Answer>): Promise<Answer> {
    const known = this.asked.get(question);
    const ask = known ?? gather(answerOnce<Answer>);
    if (!known) this.asked.set(question, ask);
    return ask(answer);
  }
}

async function answerOnce<Answer>(asked: readonly Answering<Answer>[]): Promise<Answer[]> {
  const [begin] = asked;
  if (!begin) return [];
  const answer = await begin();
  return asked.map(() => answer);
}
