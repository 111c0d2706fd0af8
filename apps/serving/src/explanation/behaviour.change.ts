import { explanation, type worker } from '#libs/contracts';

import type { Scorer } from '../scoring/scorer.js';
import type { History } from './contribution.js';
import { type Answer, ask, type Question } from './question.js';

/** An event as it would be done once more. */
type Habit = Pick<worker.ScoreEvent, 'name' | 'properties'>;

/** A change that is tried, and where it would lead. */
interface Trial {
  readonly kind: explanation.BehaviourChangeKind;
  readonly event: string;
  /** What follows each of them; empty: nothing. */
  readonly thenEvent: string;
  readonly times: number;
  readonly days: number;
  /** To compare changes of different kinds: doing something once weighs as much as a week of doing nothing. */
  readonly size: number;
  readonly question: Question;
}

const TIMES = [1, 2, 3, 5, 8, 13, 21, 34] as const;
const DAYS = [7, 14, 30, 60, 90, 180, 365] as const;
const EVENTS_TRIED = 6;
/** Tried only where no single event moves anybody: what comes after what. */
const PAIRED = 4;
const PAIR_TIMES = [1, 2, 3, 5, 8] as const;
const MICROS_PER_MINUTE = 60_000_000;
/** How far changes are looked for. */
export const TRIED = { mostTimes: Math.max(...TIMES), mostDays: Math.max(...DAYS) } as const;
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
  const habits = habitsOf(history, examples);
  const single = await smallest(scorer, index, [...doing(history, habits), ...waiting(history)]);
  const found = single.some(({ trial }) => trial.event !== '') ? single : [...single, ...(await smallest(scorer, index, pairs(history, habits))).slice(0, 1)];
  return found.map(({ trial: { kind, event, thenEvent, times, days }, answer: { segmentIndex, strength } }) => (
    { kind, event, thenEvent, times, days, segmentId: segments.get(segmentIndex) ?? '', strength } satisfies explanation.BehaviourChange
  ));
}

/** Of each kind and event the smallest that moves the customer, the smallest first. */
async function smallest(scorer: Scorer, index: number, given: readonly Trial[]): Promise<{ trial: Trial; answer: Answer }[]> {
  const trials = given.toSorted((a, b) => a.size - b.size);
  const answers = await ask(scorer, trials.map(({ question }) => question));
  const found = new Map<string, { trial: Trial; answer: Answer }>();
  for (const [at, trial] of trials.entries()) {
    const answer = answers[at];
    const key = JSON.stringify([trial.kind, trial.event, trial.thenEvent]);
    if (answer && answer.segmentIndex !== index && !found.has(key)) found.set(key, { trial, answer });
  }
  return [...found.values()];
}

/** What people do most here, each with the properties of the latest one, the customer's own first. */
function habitsOf(history: History, examples: readonly worker.ScoreEvent[]): Habit[] {
  const events = [...examples, ...history.older, ...history.latest];
  const latest = new Map<string, worker.ScoreEvent>();
  for (const event of events) if (event.name !== '') latest.set(event.name, event);
  const counts = Map.groupBy(events, ({ name }) => name);
  const names = [...latest.keys()].sort((a, b) => (counts.get(b)?.length ?? 0) - (counts.get(a)?.length ?? 0)).slice(0, EVENTS_TRIED);
  return names.map((name) => ({ name, properties: latest.get(name)?.properties ?? Buffer.alloc(0) }));
}

function doing(history: History, habits: readonly Habit[]): Trial[] {
  return habits.flatMap((habit) => TIMES.map((times) => ({
    kind: explanation.BehaviourChangeKind.DO, event: habit.name, thenEvent: '', times, days: 0, size: times, question: more(history, [habit], times),
  })));
}

function pairs(history: History, habits: readonly Habit[]): Trial[] {
  const tried = habits.slice(0, PAIRED);
  return tried.flatMap((first) => tried.filter((then) => then !== first).flatMap((then) => PAIR_TIMES.map((times) => ({
    kind: explanation.BehaviourChangeKind.DO, event: first.name, thenEvent: then.name, times, days: 0, size: 2 * times, question: more(history, [first, then], times),
  }))));
}

function waiting({ state, latest, readAt }: History): Trial[] {
  return DAYS.map((days) => ({
    kind: explanation.BehaviourChangeKind.WAIT, event: '', thenEvent: '', times: 0, days, size: days / DAYS_PER_WEEK,
    question: { state, events: latest, readAt: readAt + days * MICROS_PER_DAY },
  }));
}

/** The same events, a minute apart, so many times more, once a day up to the read time; none before what has become the state. */
function more({ state, older, latest, readAt }: History, habits: readonly Habit[], times: number): Question {
  const earliest = older.at(-1)?.occurredAt ?? Number.NEGATIVE_INFINITY;
  const added = Array.from({ length: times }, (_, day) =>
    habits.map((habit, at) => ({ ...habit, occurredAt: Math.max(earliest, readAt - day * MICROS_PER_DAY - (habits.length - 1 - at) * MICROS_PER_MINUTE) })),
  ).toReversed().flat();
  return { state, events: [...latest, ...added].sort((a, b) => a.occurredAt - b.occurredAt), readAt };
}
