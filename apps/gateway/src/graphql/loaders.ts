import DataLoader from 'dataloader';

import type { counting, foresight, ingestion, label, pastReading, prediction, serving, training, unusual } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { Backends } from '../backend/backends.js';
import { type CallerReads, type ReachKey, type SegmentKey, segmentName } from '../backend/caller.reads.js';
import { type RecommendationKey, recommendationName } from '../foresight/foresight.reads.js';
import type { HeldNovelty } from '../unusual/unusual.reads.js';
import { type Gathered, MOST_AT_ONCE } from '../backend/gathered.js';
import type { Segment } from './message.js';

/** One set per request: what several fields ask for is fetched once, and what many rows ask for in one call. */
export interface Loaders {
  readonly customer: DataLoader<string, ingestion.Customer | undefined>;
  /** What serving knows of a customer. */
  readonly place: DataLoader<string, serving.CustomerMemberships | undefined>;
  readonly forecast: DataLoader<string, foresight.TimedForecast[]>;
  readonly recommendation: DataLoader<RecommendationKey, foresight.ItemRecommendation[], string>;
  readonly eventNovelty: DataLoader<foresight.EventKey, number | undefined, string>;
  readonly customerNovelty: DataLoader<string, HeldNovelty | undefined>;
  readonly noveltyThresholds: DataLoader<'now', unusual.GetNoveltyThresholdsResponse>;
  readonly segment: DataLoader<SegmentKey, Segment | undefined, string>;
  /** What counts of now are of, beyond what is told with them. */
  readonly countReach: DataLoader<ReachKey, counting.GetCountReachResponse, string>;
  /** Where a customer was at a time. */
  readonly pastPlace: DataLoader<PastKey, serving.Membership[], string>;
  /** What the champion makes of what a customer had done by a time. */
  readonly pastReading: DataLoader<PastKey, pastReading.PastReading | undefined, string>;
  readonly model: DataLoader<string, training.Model | undefined>;
  readonly labelSet: DataLoader<string, label.LabelSet | undefined>;
  readonly labelHead: DataLoader<string, label.Head | undefined>;
  readonly prediction: DataLoader<string, prediction.Prediction[]>;
  /** Whole, with the points of its curves. */
  readonly run: DataLoader<string, training.Run | undefined>;
}

export function makeLoaders(reads: CallerReads, rpc: Backends): Loaders {
  return {
    customer: remembering(reads.customer),
    place: remembering(reads.place),
    forecast: remembering(reads.forecast),
    recommendation: remembering(reads.recommendation, recommendationName),
    eventNovelty: remembering(reads.eventNovelty, ({ eventId }) => eventId),
    customerNovelty: remembering(reads.customerNovelty),
    noveltyThresholds: remembering(reads.noveltyThresholds),
    segment: remembering(reads.segment, segmentName),
    countReach: remembering(reads.countReach, ({ follower, modelId }) => `${follower}|${modelId}`),
    pastPlace: new DataLoader((keys) => pastPlaces(rpc, keys), { maxBatchSize: MOST_AT_ONCE, cacheKeyFn: pastName }),
    pastReading: new DataLoader((keys) => pastReadings(rpc, keys), { maxBatchSize: MOST_READ_AGAIN, cacheKeyFn: pastName }),
    model: remembering(reads.model),
    labelSet: remembering(reads.labelSet),
    labelHead: remembering(reads.labelHead),
    prediction: remembering(reads.prediction),
    // There is no call for several: a list of runs carries all but the points of curves, which few ask for.
    run: new DataLoader((ids) => Promise.all(ids.map(async (id) => (await found(rpc.runs.getRun({ id })))?.run))),
  };
}

/** A customer at a time. */
export interface PastKey {
  readonly customerId: string;
  readonly asOf: string;
}

/** As many as serving reads again in one call. */
const MOST_READ_AGAIN = 100;

function pastName({ customerId, asOf }: PastKey): string {
  return `${customerId}|${asOf}`;
}

async function pastReadings(rpc: Backends, keys: readonly PastKey[]): Promise<(pastReading.PastReading | undefined)[]> {
  const answers = new Map<PastKey, pastReading.PastReading>();
  // One time after the other: each is work for the model.
  for (const [asOf, group] of Map.groupBy(keys, (key) => key.asOf)) {
    const { customers } = await rpc.pastReadings.readPast({ customerIds: group.map(({ customerId }) => customerId), asOf });
    for (const [at, key] of group.entries()) if (customers[at]?.known) answers.set(key, customers[at]);
  }
  return keys.map((key) => answers.get(key));
}

async function pastPlaces(rpc: Backends, keys: readonly PastKey[]): Promise<serving.Membership[][]> {
  const answers = new Map<PastKey, serving.Membership[]>();
  await Promise.all(
    [...Map.groupBy(keys, ({ asOf }) => asOf)].map(async ([asOf, group]) => {
      const { customers } = await rpc.history.getPastMemberships({ customerIds: group.map(({ customerId }) => customerId), asOf });
      for (const [at, key] of group.entries()) answers.set(key, customers[at]?.memberships ?? []);
    }),
  );
  return keys.map((key) => answers.get(key) ?? []);
}

/** For as long as a request lasts, what was read is not read again. */
function remembering<Key, Value, CacheKey = Key>(read: Gathered<Key, Value>, cacheKeyFn?: (key: Key) => CacheKey): DataLoader<Key, Value, CacheKey> {
  return new DataLoader<Key, Value, CacheKey>((keys) => Promise.all(keys.map(read)), { maxBatchSize: MOST_AT_ONCE, ...(cacheKeyFn ? { cacheKeyFn } : {}) });
}

/** The answer, or undefined where the service says that there is none. */
export async function found<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RpcError && error.status === status.NOT_FOUND) return undefined;
    throw error;
  }
}

/** Loads several and leaves out those that are not there any more. */
export async function loadPresent<Key, Value, CacheKey>(loader: DataLoader<Key, Value | undefined, CacheKey>, keys: readonly Key[]): Promise<Value[]> {
  const values = await Promise.all(keys.map((key) => loader.load(key)));
  return values.filter((value) => value !== undefined);
}

/** A drawing by the model, and at the time, that another segment was asked as of. */
export function segmentBeside({ past, drawnBy }: Segment, id: string): SegmentKey {
  return { id, modelId: drawnBy ?? '', asOf: past ?? '' };
}

/** The champion's drawing now. */
export function segmentNow(id: string): SegmentKey {
  return { id, modelId: '', asOf: '' };
}
