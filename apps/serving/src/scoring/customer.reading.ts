import pMap from 'p-map';
import type { Logger } from 'pino';

import type { worker } from '#libs/contracts';

import type { Micros } from '../time/micros.js';
import { place, UNSEEN } from './assignment.rule.js';
import type { FeedEvent } from './feed.repository.js';
import { type ForecastShape, NOTHING_FORESEEN, shapeOf } from './packed.forecast.js';
import type { Scorer } from './scorer.js';
import type { HeldState } from './state.repository.js';

/** One customer to be read: the events that are new, in any order, and the time to read the state at. */
export interface Reading {
  readonly customerId: string;
  readonly held: HeldState | undefined;
  readonly events: readonly FeedEvent[];
  readonly now: Micros;
}

export interface ReadingOptions {
  readonly scorer: Scorer;
  /** All events of customers up to what is being applied now, in the order in which they happened. */
  allEvents(customerIds: readonly string[]): Promise<readonly FeedEvent[]>;
  /** That many requests are under way at the scorer. */
  readonly requestsAtOnce: number;
  readonly log: Logger;
}

const CUSTOMERS_PER_REQUEST = 256;
/** Few, for their whole histories are held at once. */
const REBUILDS_AT_ONCE = 32;
const EMPTY = Buffer.alloc(0);

/** What each of these customers is after their events, by the model and the one rule of assignment. */
export async function scoreAll(readings: readonly Reading[], options: ReadingOptions): Promise<HeldState[]> {
  const states: HeldState[] = [];
  const toRebuild = readings.filter(({ held }) => held?.isBroken);
  const asked = readings.filter(({ held }) => !held?.isBroken);
  await pMap(
    chunks(asked, CUSTOMERS_PER_REQUEST),
    async (chunk) => {
      const results = await ask(chunk, chunk.map((reading) => toRequest(reading, reading.held?.state ?? EMPTY)), options);
      for (const [reading, result, shape] of results) {
        if (result.rebuild) toRebuild.push(reading);
        else states.push(after(reading, result, shape, options.log));
      }
    },
    { concurrency: options.requestsAtOnce },
  );
  for (const chunk of chunks(toRebuild, REBUILDS_AT_ONCE)) states.push(...(await rebuild(chunk, options)));
  return states;
}

/** What each of these customers is by all events that are theirs now; those without one are not any more. */
export async function scoreAnew(readings: readonly Reading[], options: ReadingOptions): Promise<{ states: HeldState[]; gone: string[] }> {
  const states: HeldState[] = [];
  for (const chunk of chunks(readings, REBUILDS_AT_ONCE)) states.push(...(await rebuild(chunk, options)));
  const present = new Set(states.map(({ customerId }) => customerId));
  return { states, gone: readings.map(({ customerId }) => customerId).filter((id) => !present.has(id)) };
}

/** From nothing, with every event there is: for states that cannot take in what came. Whoever has no event is left out. */
async function rebuild(readings: readonly Reading[], options: ReadingOptions): Promise<HeldState[]> {
  const all = Map.groupBy(await options.allEvents(readings.map(({ customerId }) => customerId)), ({ customerId }) => customerId);
  const anew = readings.filter(({ customerId }) => all.has(customerId)).map((reading) => {
    const { held } = reading;
    // The place stays known to the rule of assignment; only what was counted starts again.
    const blank = held && { ...held, state: EMPTY, events: 0, firstEventAt: null, lastEventAt: null };
    return { ...reading, held: blank, events: all.get(reading.customerId) ?? [] };
  });
  const results = await ask(anew, anew.map((reading) => toRequest(reading, EMPTY)), options);
  return results.map(([reading, result, shape]) =>
    after(reading, result.rebuild ? { ...result, error: 'a rebuild was asked for twice' } : result, shape, options.log),
  );
}

async function ask<R extends Reading>(
  readings: readonly R[],
  requests: worker.CustomerScoreRequest[],
  options: ReadingOptions,
): Promise<[R, worker.CustomerScoreResult, ForecastShape][]> {
  if (readings.length === 0) return [];
  const { customers, foreseen } = await options.scorer.score(requests);
  const shape = shapeOf(foreseen);
  const byId = new Map(customers.map((result) => [result.customerId, result]));
  return readings.map((reading) => {
    const result = byId.get(reading.customerId);
    if (!result) throw new Error(`The worker left out customer ${reading.customerId}.`);
    return [reading, result, shape];
  });
}

function toRequest({ customerId, held, events, now }: Reading, state: Buffer): worker.CustomerScoreRequest {
  const ordered = events.toSorted((a, b) => a.occurredAt - b.occurredAt || a.sequence - b.sequence);
  return {
    customerId,
    state,
    events: ordered.map(toScoreEvent),
    readAt: readTime(held, ordered, now),
  } satisfies worker.CustomerScoreRequest;
}

export function toScoreEvent(event: Pick<FeedEvent, 'type' | 'name' | 'occurredAt' | 'properties'>): worker.ScoreEvent {
  return { name: nameOf(event), occurredAt: event.occurredAt, properties: Buffer.from(event.properties ?? '{}') };
}

/** As snapshots name behaviour (docs/snapshot.md). */
function nameOf({ type, name }: Pick<FeedEvent, 'type' | 'name'>): string {
  if (type === 'page') return 'Page Viewed';
  if (type === 'screen') return 'Screen Viewed';
  return name ?? '';
}

/** Now, but not before the last event in the state. */
function readTime(held: HeldState | undefined, ordered: readonly FeedEvent[], now: Micros): Micros {
  return Math.max(now, held?.lastEventAt ?? 0, ordered.at(-1)?.occurredAt ?? 0);
}

function after(reading: Reading, result: worker.CustomerScoreResult, shape: ForecastShape, log: Logger): HeldState {
  const { customerId, held, events } = reading;
  const times = events.map(({ occurredAt }) => occurredAt);
  const seen = {
    customerId,
    readAt: readTime(held, events.toSorted((a, b) => a.occurredAt - b.occurredAt), reading.now),
    events: (held?.events ?? 0) + events.length,
    firstEventAt: earliest([held?.firstEventAt ?? null, ...times]),
    lastEventAt: latest([held?.lastEventAt ?? null, ...times]),
  };
  const error = result.error || whyUnusable(result);
  if (error) {
    log.error({ customerId, reason: error }, 'a customer could not be scored; their next reading begins anew');
    return { ...(held ?? NOTHING_READ), ...seen, isBroken: true };
  }
  return {
    ...seen,
    ...place(held, result),
    novelty: result.novelty,
    mapX: result.mapX,
    mapY: result.mapY,
    isBroken: false,
    forecast: { shape, values: result.packedForecast },
    embedding: result.embedding,
    state: result.state,
  };
}

const NOTHING_READ = {
  segmentIndex: UNSEEN,
  candidateIndex: null,
  finerIndex: null,
  strength: 0,
  novelty: 0,
  mapX: 0,
  mapY: 0,
  forecast: NOTHING_FORESEEN,
  embedding: EMPTY,
  state: EMPTY,
};

function whyUnusable({ strength, novelty, mapX, mapY }: worker.CustomerScoreResult): string {
  return [strength, novelty, mapX, mapY].every(Number.isFinite) ? '' : 'the worker answered something that is not a number';
}

function earliest(times: readonly (Micros | null)[]): Micros | null {
  return times.reduce((least, time) => (time === null ? least : least === null ? time : Math.min(least, time)), null);
}

function latest(times: readonly (Micros | null)[]): Micros | null {
  return times.reduce((most, time) => (time === null ? most : most === null ? time : Math.max(most, time)), null);
}

function chunks<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, index) => rows.slice(index * size, (index + 1) * size));
}
