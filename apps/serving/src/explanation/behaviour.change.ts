import { explanation, type worker } from '#libs/contracts';

import type { Scorer } from '../scoring/scorer.js';
import type { History } from './contribution.js';
import { type Answer, ask, type Question } from './question.js';

/** A change that is tried, and where it would lead. */
interface Trial {
  readonly kind: explanation.BehaviourChangeKind;
  readonly event: string;
  readonly times: number;
  readonly days: number;
  /** To compare changes of different kinds: doing something once weighs as much as a week of doing nothing. */
  readonly size: number;
  readonly question: Question;
}

const TIMES = [1, 2, 3, 5, 8] as const;
const DAYS = [7, 14, 30, 60, 90, 180, 365] as const;
const EVENTS_TRIED = 6;
const MICROS_PER_DAY = 86_400_000_000;
const DAYS_PER_WEEK = 7;

/**
 * The smallest changes of behaviour, of those that are tried, after which the model would put the customer elsewhere: a search over
 * counterfactuals (Wachter, Mittelstadt & Russell 2017) that stay within what people really do. `examples` are events of others, whose
 * properties stand in where the customer has never done such a thing.
 */
export async function changesOf(
  scorer: Scorer,
  history: History,
  index: number,
  examples: readonly worker.ScoreEvent[],
  segments: ReadonlyMap<number, string>,
): Promise<explanation.BehaviourChange[]> {
  const trials = [...doing(history, examples), ...waiting(history)].sort((a, b) => a.size - b.size);
  const answers = await ask(scorer, trials.map(({ question }) => question));
  const found = new Map<string, { trial: Trial; answer: Answer }>();
  for (const [at, trial] of trials.entries()) {
    const answer = answers[at];
    const key = `${trial.kind}/${trial.event}`;
    if (answer && answer.segmentIndex !== index && !found.has(key)) found.set(key, { trial, answer });
  }
  return [...found.values()].map(({ trial: { kind, event, times, days }, answer: { segmentIndex, strength } }) => (
    { kind, event, times, days, segmentId: segments.get(segmentIndex) ?? '', strength } satisfies explanation.BehaviourChange
  ));
}

function doing(history: History, examples: readonly worker.ScoreEvent[]): Trial[] {
  const latest = new Map<string, worker.ScoreEvent>();
  for (const event of [...examples, ...history.older, ...history.latest]) if (event.name !== '') latest.set(event.name, event);
  const counts = Map.groupBy([...examples, ...history.older, ...history.latest], ({ name }) => name);
  const names = [...latest.keys()].sort((a, b) => (counts.get(b)?.length ?? 0) - (counts.get(a)?.length ?? 0)).slice(0, EVENTS_TRIED);
  return names.flatMap((event) => TIMES.map((times) => ({
    kind: explanation.BehaviourChangeKind.DO, event, times, days: 0, size: times, question: more(history, event, latest.get(event)?.properties ?? Buffer.alloc(0), times),
  })));
}

function waiting({ state, latest, readAt }: History): Trial[] {
  return DAYS.map((days) => ({
    kind: explanation.BehaviourChangeKind.WAIT, event: '', times: 0, days, size: days / DAYS_PER_WEEK,
    question: { state, events: latest, readAt: readAt + days * MICROS_PER_DAY },
  }));
}

/** The same event so many times more, once a day up to the read time; none before what has become the state. */
function more({ state, older, latest, readAt }: History, name: string, properties: Buffer, times: number): Question {
  const earliest = older.at(-1)?.occurredAt ?? Number.NEGATIVE_INFINITY;
  const added = Array.from({ length: times }, (_, day) => ({ name, properties, occurredAt: Math.max(earliest, readAt - day * MICROS_PER_DAY) }));
  return { state, events: [...latest, ...added].sort((a, b) => a.occurredAt - b.occurredAt), readAt };
}
