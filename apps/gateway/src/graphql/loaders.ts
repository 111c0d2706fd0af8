import type { counting, exporting, foresight, ingestion, label, pastReading, prediction, serving, training, unusual } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { Backends } from '../backend/backends.js';
import { type CallerReads, type PastKey, pastName, type Place, type ReachKey, type SegmentKey, segmentName } from '../backend/caller.reads.js';
import { type RecommendationKey, recommendationName } from '../foresight/foresight.reads.js';
import type { HeldNovelty } from '../unusual/unusual.reads.js';
import type { Gathered } from '../backend/gathered.js';
import type { Segment } from './message.js';

/** One set per request: what several fields ask for is fetched once, and what many rows ask for in one call. */
export interface Loaders {
  readonly customer: Loader<string, ingestion.Customer | undefined>;
  readonly place: Loader<string, Place | undefined>;
  readonly forecast: Loader<string, foresight.TimedForecast[]>;
  readonly recommendation: Loader<RecommendationKey, foresight.ItemRecommendation[]>;
  readonly eventNovelty: Loader<foresight.EventKey, number | undefined>;
  readonly customerNovelty: Loader<string, HeldNovelty | undefined>;
  readonly noveltyThresholds: Loader<'now', unusual.GetNoveltyThresholdsResponse>;
  readonly segment: Loader<SegmentKey, Segment | undefined>;
  /** What counts of now are of, beyond what is told with them. */
  readonly countReach: Loader<ReachKey, counting.GetCountReachResponse>;
  /** Where a customer was at a time. */
  readonly pastPlace: Loader<PastKey, serving.Membership[]>;
  /** What the champion makes of what a customer had done by a time. */
  readonly pastReading: Loader<PastKey, pastReading.PastReading | undefined>;
  readonly model: Loader<string, training.Model | undefined>;
  readonly labelSet: Loader<string, label.LabelSet | undefined>;
  readonly labelHead: Loader<string, label.Head | undefined>;
  readonly exportSchedule: Loader<string, exporting.ExportSchedule | undefined>;
  readonly prediction: Loader<string, prediction.Prediction[]>;
  readonly import: Loader<string, ingestion.Import | undefined>;
  /** Whole, with the points of its curves. */
  readonly run: Loader<string, training.Run | undefined>;
}

export interface Loader<Key, Value> {
  load(key: Key): Promise<Value>;
}

export function makeLoaders(reads: CallerReads, rpc: Backends): Loaders {
  return {
    customer: new Remembered(reads.customer),
    place: new Remembered(reads.place),
    forecast: new Remembered(reads.forecast),
    recommendation: new Remembered(reads.recommendation, recommendationName),
    eventNovelty: new Remembered(reads.eventNovelty, ({ eventId }) => eventId),
    customerNovelty: new Remembered(reads.customerNovelty),
    noveltyThresholds: new Remembered(reads.noveltyThresholds),
    segment: new Remembered(reads.segment, segmentName),
    countReach: new Remembered(reads.countReach, ({ follower, modelId }) => `${follower}|${modelId}`),
    pastPlace: new Remembered(reads.pastPlace, pastName),
    pastReading: new Remembered(reads.pastReading, pastName),
    model: new Remembered(reads.model),
    labelSet: new Remembered(reads.labelSet),
    labelHead: new Remembered(reads.labelHead),
    exportSchedule: new Remembered(reads.exportSchedule),
    prediction: new Remembered(reads.prediction),
    import: new Remembered(async (id) => (await found(rpc.imports.getImport({ id })))?.import),
    // There is no call for several: a list of runs carries all but the points of curves, which few ask for.
    run: new Remembered(async (id) => (await found(rpc.runs.getRun({ id })))?.run),
  };
}

/** For as long as a request lasts, what was read is not read again; that reads go together is the matter of who gathers them. */
class Remembered<Key, Value> implements Loader<Key, Value> {
  /** Most requests load of two or three kinds only. */
  private known: Map<unknown, Promise<Value>> | undefined;

  constructor(
    private readonly read: Gathered<Key, Value>,
    private readonly nameOf: (key: Key) => unknown = (key) => key,
  ) {}

  load(key: Key): Promise<Value> {
    const name = this.nameOf(key);
    this.known ??= new Map();
    const known = this.known.get(name);
    if (known) return known;
    const read = this.read(key);
    this.known.set(name, read);
    return read;
  }
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
export async function loadPresent<Key, Value>(loader: Loader<Key, Value | undefined>, keys: readonly Key[]): Promise<Value[]> {
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
