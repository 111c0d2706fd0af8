import DataLoader from 'dataloader';

import type { ingestion, serving, training } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { Backends } from '../backend/backends.js';

/** A segment, as drawn by a model (empty: the champion) at a time (empty: now). */
export interface SegmentKey {
  readonly id: string;
  readonly modelId: string;
  readonly asOf: string;
}

/** One set per request: what several fields ask for is fetched once, and what many rows ask for in one call. */
export interface Loaders {
  readonly customer: DataLoader<string, ingestion.Customer | undefined>;
  /** What serving knows of a customer. */
  readonly place: DataLoader<string, serving.CustomerMemberships | undefined>;
  readonly segment: DataLoader<SegmentKey, serving.Segment | undefined, string>;
  readonly model: DataLoader<string, training.Model | undefined>;
  /** Whole, with the points of its curves. */
  readonly run: DataLoader<string, training.Run | undefined>;
}

/** As many as the services take in one call. */
const MOST_AT_ONCE = 500;

export function makeLoaders(rpc: Backends): Loaders {
  return {
    customer: new DataLoader(
      async (ids) => {
        const { customers } = await rpc.customers.getCustomers({ ids: [...ids] });
        const byId = new Map(customers.map(({ requestedId, customer }) => [requestedId, customer]));
        return ids.map((id) => byId.get(id));
      },
      { maxBatchSize: MOST_AT_ONCE },
    ),
    place: new DataLoader(
      async (ids) => {
        const { customers } = await rpc.memberships.getCustomerMemberships({ customerIds: [...ids] });
        const byId = new Map(customers.map((place) => [place.customerId, place]));
        return ids.map((id) => byId.get(id));
      },
      { maxBatchSize: MOST_AT_ONCE },
    ),
    segment: new DataLoader((keys) => segmentsOf(rpc, keys), { maxBatchSize: MOST_AT_ONCE, cacheKeyFn: (key) => `${key.id}|${drawing(key)}` }),
    model: new DataLoader(
      async (ids) => {
        const { models } = await rpc.models.getModels({ ids: [...ids], champion: false });
        const byId = new Map(models.map((model) => [model.id, model]));
        return ids.map((id) => byId.get(id));
      },
      { maxBatchSize: MOST_AT_ONCE },
    ),
    // There is no call for several: a list of runs carries all but the points of curves, which few ask for.
    run: new DataLoader((ids) => Promise.all(ids.map(async (id) => (await found(rpc.runs.getRun({ id })))?.run))),
  };
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

/** The champion's drawing now. */
export function segmentNow(id: string): SegmentKey {
  return { id, modelId: '', asOf: '' };
}

function drawing({ modelId, asOf }: SegmentKey): string {
  return `${modelId}|${asOf}`;
}

/** One call for each model and time that is asked for; nearly always that is one. */
async function segmentsOf(rpc: Backends, keys: readonly SegmentKey[]): Promise<(serving.Segment | undefined)[]> {
  const byDrawing = Map.groupBy(keys, drawing);
  const answers = new Map<string, serving.Segment>();
  await Promise.all(
    [...byDrawing].map(async ([name, group]) => {
      const { modelId, asOf } = group[0] ?? segmentNow('');
      const { segments } = await rpc.segments.getSegments({ ids: group.map(({ id }) => id), modelId, asOf: asOf || undefined });
      for (const segment of segments) answers.set(`${segment.id}|${name}`, segment);
    }),
  );
  return keys.map((key) => answers.get(`${key.id}|${drawing(key)}`));
}
