import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

import { explanation, type worker } from '#libs/contracts';

import type { Scorer } from '../scoring/scorer.js';
import { isoOf, type Micros } from '../time/micros.js';
import { ask, type Question, strengthIn } from './question.js';

/** A customer's own history, split where single events begin to be asked about. */
export interface History {
  /** After everything older. */
  readonly state: Buffer;
  readonly older: readonly worker.ScoreEvent[];
  readonly latest: readonly worker.ScoreEvent[];
  readonly readAt: Micros;
}

export interface Contributions {
  readonly strength: number;
  readonly events: explanation.EventContribution[];
  readonly earlier: explanation.EventContribution | undefined;
  readonly check: explanation.ContributionCheck | undefined;
}

/** How much nearer an embedding is to a segment than to any other: what moves even where strength is as good as certain. */
export type Nearness = (embedding: Buffer) => number;

/** The segment that is spoken of, and how near the customer is to it with all events. */
interface Whole {
  readonly index: number;
  readonly near: number;
  readonly nearness: Nearness;
}

const EMPTY = Buffer.alloc(0);
const SINGLE_EVENTS = 100;
const NAMED = 3;
const DRAWINGS = 8;
/** Beyond this, odds are not told apart. */
const LEAST = 1e-4;

export async function historyOf(scorer: Scorer, events: readonly worker.ScoreEvent[], readAt: Micros): Promise<History> {
  const [older, latest] = [events.slice(0, -SINGLE_EVENTS), events.slice(-SINGLE_EVENTS)];
  const [before] = older.length > 0 ? await ask(scorer, [{ state: EMPTY, events: older, readAt }]) : [];
  return { state: before?.state ?? EMPTY, older, latest, readAt };
}

/**
 * What each event carries, by strength and, where that stays as it is, by nearness: the model reads the customer again without it (occlusion; Zeiler & Fergus 2014), which is exact for the model.
 * Checked by leaving out the most telling ones together, beside drawings of as many others (as in Hooker et al. 2019, without retraining).
 */
export async function contributionsOf(scorer: Scorer, history: History, index: number, seed: number, nearness: Nearness): Promise<Contributions> {
  const { latest, older } = history;
  const [whole, ...rest] = await ask(scorer, [
    without(history, new Set()),
    ...latest.keys().map((event) => without(history, new Set([event]))),
    ...(older.length > 0 ? [{ ...without(history, new Set()), state: EMPTY }] : []),
  ]);
  const strength = whole ? strengthIn(index, whole) : 0;
  const near = whole ? nearness(whole.embedding) : 0;
  const told = rest.map((answer, at) => {
    const events = at < latest.length ? latest.slice(at, at + 1) : older;
    const left = strengthIn(index, answer);
    return { at, message: contribution(events, { effect: logOdds(strength) - logOdds(left), towards: near - nearness(answer.embedding), strengthWithout: left }) };
  });
  const singles = told.filter(({ at }) => at < latest.length).sort((a, b) => b.message.effect - a.message.effect || b.message.towards - a.message.towards || b.at - a.at);
  const named = singles.slice(0, Math.min(NAMED, Math.floor(latest.length / 2))).map(({ at }) => at);
  return {
    strength,
    events: singles.map(({ message }) => message),
    earlier: told.find(({ at }) => at === latest.length)?.message,
    check: named.length > 0 ? await check(scorer, history, { index, near, nearness }, named, seed) : undefined,
  };
}

async function check(scorer: Scorer, history: History, { index, near, nearness }: Whole, named: readonly number[], seed: number): Promise<explanation.ContributionCheck> {
  const others = [...history.latest.keys()].filter((event) => !named.includes(event));
  const drawings = Array.from({ length: DRAWINGS }, (_, drawing) => drawn(others, named.length, seed + drawing));
  const [first, ...rest] = (await ask(scorer, [named, ...drawings].map((events) => without(history, new Set(events))))).map((answer) => ({
    strength: strengthIn(index, answer), towards: near - nearness(answer.embedding),
  }));
  const mean = (of: 'strength' | 'towards') => rest.reduce((sum, drawing) => sum + drawing[of], 0) / rest.length;
  return {
    events: named.length, drawings: DRAWINGS,
    strengthWithoutNamed: first?.strength ?? 0, strengthWithoutOthers: mean('strength'),
    towardsByNamed: first?.towards ?? 0, towardsByOthers: mean('towards'),
  } satisfies explanation.ContributionCheck;
}

function without({ state, latest, readAt }: History, left: ReadonlySet<number>): Question {
  return { state, events: latest.filter((_, event) => !left.has(event)), readAt };
}

/** So many of these, each at most once; the same again for the same seed. */
function drawn(from: readonly number[], count: number, seed: number): number[] {
  const generator = xoroshiro128plus(seed);
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(uniformInt(generator, 0, left.length - 1), 1)).flat();
}

function contribution(
  events: readonly worker.ScoreEvent[],
  measured: Pick<explanation.EventContribution, 'effect' | 'towards' | 'strengthWithout'>,
): explanation.EventContribution {
  const [first, last] = [events[0], events.at(-1)];
  return {
    event: events.length === 1 ? (first?.name ?? '') : '',
    firstAt: isoOf(first?.occurredAt ?? 0),
    lastAt: isoOf(last?.occurredAt ?? 0),
    events: events.length,
    ...measured,
  } satisfies explanation.EventContribution;
}

function logOdds(probability: number): number {
  const bounded = Math.min(1 - LEAST, Math.max(LEAST, probability));
  return Math.log(bounded / (1 - bounded));
}
