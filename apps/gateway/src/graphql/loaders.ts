import type { counting, exporting, foresight, ingestion, label, pastReading, prediction, serving, training, unusual } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { type CallerReads, type PastKey, pastName, type Place, type ReachKey, type SegmentKey, segmentName } from '../backend/caller.reads.js';
import { type RecommendationKey, recommendationName } from '../foresight/foresight.reads.js';
import type { HeldNovelty } from '../unusual/unusual.reads.js';
import type { Gathered } from '../backend/gathered.js';
import type { Segment } from './message.js';

/** One set per request: what several fields ask for is fetched once, and what many rows ask for in one call. */
export interface Loaders {
  readonly customer: Loader<string, ingestion.Customer | undefined>;
  readonly unmergedCustomer: Loader<string, ingestion.Customer | undefined>;
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
  /** Without its curves. */
  readonly run: Loader<string, training.Run | undefined>;
}

export interface Loader<Key, Value> {
  load(key: Key): Promise<Value>;
  /** What was read in this request by another way. */
  keep(key: Key, value: Value): void;
}

/** Each is made when it is first asked for: most requests load of two or three kinds, and all of them for each would be most of what a request leaves to be collected. */
class LoadersOfRequest implements Loaders {
  private readonly made: { -readonly [Kind in keyof Loaders]?: Loaders[Kind] } = {};

  constructor(private readonly reads: CallerReads) {}

  get customer() {
    return (this.made.customer ??= new Remembered(this.reads.customer));
  }
  get unmergedCustomer() {
    return (this.made.unmergedCustomer ??= new Remembered(this.reads.unmergedCustomer));
  }
  get place() {
    return (this.made.place ??= new Remembered(this.reads.place));
  }
  get forecast() {
    return (this.made.forecast ??= new Remembered(this.reads.forecast));
  }
  get recommendation() {
    return (this.made.recommendation ??= new Remembered(this.reads.recommendation, recommendationName));
  }
  get eventNovelty() {
    return (this.made.eventNovelty ??= new Remembered(this.reads.eventNovelty, ({ eventId }) => eventId));
  }
  get customerNovelty() {
    return (this.made.customerNovelty ??= new Remembered(this.reads.customerNovelty));
  }
  get noveltyThresholds() {
    return (this.made.noveltyThresholds ??= new Remembered(this.reads.noveltyThresholds));
  }
  get segment() {
    return (this.made.segment ??= new Remembered(this.reads.segment, segmentName));
  }
  get countReach() {
    return (this.made.countReach ??= new Remembered(this.reads.countReach, ({ follower, modelId }) => `${follower}|${modelId}`));
  }
  get pastPlace() {
    return (this.made.pastPlace ??= new Remembered(this.reads.pastPlace, pastName));
  }
  get pastReading() {
    return (this.made.pastReading ??= new Remembered(this.reads.pastReading, pastName));
  }
  get model() {
    return (this.made.model ??= new Remembered(this.reads.model));
  }
  get labelSet() {
    return (this.made.labelSet ??= new Remembered(this.reads.labelSet));
  }
  get labelHead() {
    return (this.made.labelHead ??= new Remembered(this.reads.labelHead));
  }
  get exportSchedule() {
    return (this.made.exportSchedule ??= new Remembered(this.reads.exportSchedule));
  }
  get prediction() {
    return (this.made.prediction ??= new Remembered(this.reads.prediction));
  }
  get import() {
    return (this.made.import ??= new Remembered(this.reads.import));
  }
  get run() {
    return (this.made.run ??= new Remembered(this.reads.run));
  }
}

export function makeLoaders(reads: CallerReads): Loaders {
  return new LoadersOfRequest(reads);
}

/** For as long as a request lasts, what was read is not read again; that reads go together is the matter of who gathers them. */
class Remembered<Key, Value> implements Loader<Key, Value> {
  private readonly known = new Map<unknown, Promise<Value>>();

  constructor(
    private readonly read: Gathered<Key, Value>,
    private readonly nameOf: (key: Key) => unknown = (key) => key,
  ) {}

  load(key: Key): Promise<Value> {
    const name = this.nameOf(key);
    const known = this.known.get(name);
    if (known) return known;
    const read = this.read(key);
    this.known.set(name, read);
    return read;
  }

  keep(key: Key, value: Value): void {
    this.known.set(this.nameOf(key), Promise.resolve(value));
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

/**
 * Whom a change is of. One that was merged into another since is told as itself: the other is where it was, and would be said to have
 * left what it is in.
 */
export async function customerOfChange({ customerId }: { readonly customerId: string }, _args: object, { loaders }: { readonly loaders: Loaders }): Promise<ingestion.Customer | undefined> {
  const customer = await loaders.customer.load(customerId);
  return customer === undefined || customer.id === customerId ? customer : loaders.unmergedCustomer.load(customerId);
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
