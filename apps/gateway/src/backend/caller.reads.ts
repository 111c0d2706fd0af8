import { LRUCache } from 'lru-cache';

import { type counting, type dataProfile, type exporting, type foresight, type identity, type ingestion, type label, type pastReading, type prediction, type serving, type similar, type training, type unusual, type webhook, worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { eventNoveltyOf, forecastsOf, pastReadingsOf, type RecommendationKey, recommendationsOf } from '../foresight/foresight.reads.js';
import { customerNoveltyOf, type HeldNovelty } from '../unusual/unusual.reads.js';
import { actingAs, type Backends } from './backends.js';
import { gather, type Gathered } from './gathered.js';
import { alike, type PageKey, type Pages, pagesOf, type ServicePage } from './pages.js';
import { MOST_ROWS } from '../graphql/connection.js';
import type { Event, Segment } from '../graphql/message.js';
import { present } from '../graphql/present.js';

/** A segment, as drawn by a model (empty: the champion) at a time (empty: now). */
export interface SegmentKey {
  readonly id: string;
  readonly modelId: string;
  readonly asOf: string;
}

/** A page of who is in a segment so drawn. */
export interface MembersKey extends SegmentKey, Pick<PageKey, 'page'> {
  readonly order: serving.MemberOrder;
}

export interface MemberPage extends ServicePage<serving.SegmentMember> {
  /** Undefined as of a time that was asked for. */
  readonly asOf: string | undefined;
}

/** So many who are like a customer. */
export interface SimilarKey {
  readonly id: string;
  readonly first: number;
}

export interface SegmentPage extends ServicePage<Segment> {
  /** What their sizes are of. */
  readonly basis: counting.CountBasis | undefined;
}

/** A customer at a time. */
export interface PastKey {
  readonly customerId: string;
  readonly asOf: string;
}

/** What serving knows of a customer, and the segments that they are in. */
export type Place = serving.CustomerMemberships & { readonly told: ReadonlyMap<string, Segment> };

/** Who follows the events that a count is of: a model, rules, nobody. */
export type ReachKey = counting.GetCountReachRequest;

/** Reads that many requests do, gathered over those of one caller. */
export interface CallerReads {
  readonly customer: Gathered<string, ingestion.Customer | undefined>;
  /** Not the one that they were merged into, but themselves. */
  readonly unmergedCustomer: Gathered<string, ingestion.Customer | undefined>;
  readonly customerIdByUserId: Gathered<string, string | undefined>;
  readonly place: Gathered<string, Place | undefined>;
  /** The same of whom a user id belongs to; undefined where it is nobody's. */
  readonly placeByUserId: Gathered<string, Place | undefined>;
  /** Where a customer was at a time. */
  readonly pastPlace: Gathered<PastKey, serving.Membership[]>;
  /** What the champion makes of what a customer had done by a time. */
  readonly pastReading: Gathered<PastKey, pastReading.PastReading | undefined>;
  readonly forecast: Gathered<string, foresight.TimedForecast[]>;
  readonly recommendation: Gathered<RecommendationKey, foresight.ItemRecommendation[]>;
  readonly eventNovelty: Gathered<foresight.EventKey, number | undefined>;
  readonly customerNovelty: Gathered<string, HeldNovelty | undefined>;
  readonly noveltyThresholds: Gathered<'now', unusual.GetNoveltyThresholdsResponse>;
  readonly segment: Gathered<SegmentKey, Segment | undefined>;
  readonly countReach: Gathered<ReachKey, counting.GetCountReachResponse>;
  readonly segmentList: Gathered<serving.ListSegmentsRequest, serving.ListSegmentsResponse>;
  /** As a model draws them, on the main level, largest first. */
  readonly modelSegments: Gathered<Pick<PageKey, 'id' | 'page'>, SegmentPage>;
  readonly model: Gathered<string, training.Model | undefined>;
  /** What its data were like; undefined where its files are gone. */
  readonly dataProfile: Gathered<string, dataProfile.DataProfile | undefined>;
  /** Without curves. */
  readonly run: Gathered<string, training.Run | undefined>;
  readonly runMetrics: Gathered<string, training.RunMetric[]>;
  readonly labelSet: Gathered<string, label.LabelSet | undefined>;
  /** Of a label set, newest first. */
  readonly labelHeads: Pages<label.Head>;
  readonly labelHead: Gathered<string, label.Head | undefined>;
  readonly exportSchedule: Gathered<string, exporting.ExportSchedule | undefined>;
  readonly prediction: Gathered<string, prediction.Prediction[]>;
  /** Newest first. */
  readonly webhookDeliveries: Gathered<PageKey & Pick<webhook.ListDeliveriesOfWebhooksRequest, 'state'>, ServicePage<webhook.WebhookDelivery>>;
  /** What a schedule exported, newest first. */
  readonly scheduledExports: Pages<exporting.Export>;
  readonly import: Gathered<string, ingestion.Import | undefined>;
  /** What changed for a customer, newest first. */
  readonly membershipHistory: Pages<serving.MembershipChange>;
  /** What joined the ids of a customer, newest first. */
  readonly mergeHistory: Pages<identity.CustomerMerge>;
  /** Of a customer, newest first. */
  readonly customerEvents: Pages<Event>;
  /** Strongest first. */
  readonly members: Gathered<MembersKey, MemberPage>;
  /** How models draw a segment, newest first. */
  readonly segmentVersions: Pages<serving.SegmentVersion>;
  /** Nearest first. */
  readonly similar: Gathered<SimilarKey, similar.SimilarCustomer[]>;
}

/** Callers whose requests are under way, more or less: one that is forgotten only gathers anew. */
const MOST_CALLERS = 1_000;

/** To look for whoever is like a customer is work for serving, as much as to read so many rows. */
const ROWS_OF_A_SEARCH = 20;
/** So is to count whom a model places where. */
const ROWS_OF_A_COUNT = 50;
/** The same for training: to read a model's files, and the curves of a run. */
const [ROWS_OF_A_FOLDER, ROWS_OF_CURVES] = [20, 20];

/** What the requests of one caller have in common. */
export interface CallerBackends {
  /** The services, every call signed for the caller. */
  readonly rpc: Backends;
  readonly reads: CallerReads;
}

interface Known extends CallerBackends {
  rpc: Backends;
  /** What `rpc` signs with; a signature holds for two minutes. */
  principal: string;
}

/** The services as each caller sees them. Who may see what is theirs to say, so callers never share a read. */
export class BackendsByCaller {
  private readonly callers = new LRUCache<string, Known>({ max: MOST_CALLERS });

  constructor(private readonly backends: Backends) {}

  /** `caller` tells apart who must not share; `principal` is signed for it. */
  of(caller: string, principal: string): CallerBackends {
    const known = this.callers.get(caller);
    if (!known) {
      const made: Known = { principal, rpc: actingAs(this.backends, principal), reads: readsOf(() => made.rpc) };
      this.callers.set(caller, made);
      return made;
    }
    if (known.principal !== principal) Object.assign(known, { principal, rpc: actingAs(this.backends, principal) });
    return known;
  }
}

function readsOf(rpc: () => Backends): CallerReads {
  return {
    customer: gather((ids) => customersOf(rpc(), ids, false)),
    unmergedCustomer: gather((ids) => customersOf(rpc(), ids, true)),
    customerIdByUserId: gather(async (userIds) => {
      const { customers } = await rpc().customers.resolveCustomers({ userIds: unique(userIds) });
      const byUserId = new Map(customers.map(({ userId, customerId }) => [userId, customerId]));
      return userIds.map((userId) => byUserId.get(userId));
    }),
    place: gather(async (ids) => {
      const { customers, ...told } = await rpc().memberships.getCustomerMemberships({ customerIds: unique(ids) });
      const byId = new Map(placesOf(customers, told).map((place) => [place.customerId, place]));
      return ids.map((id) => byId.get(id));
    }),
    placeByUserId: gather(async (userIds) => {
      const { users, ...told } = await rpc().memberships.getUserMemberships({ userIds: unique(userIds) });
      const places = placesOf(users.map(({ customer }) => present(customer, 'customer')), told);
      const byUserId = new Map(users.map(({ userId }, at) => [userId, places[at]]));
      return userIds.map((userId) => byUserId.get(userId));
    }),
    pastPlace: gather((keys) => pastPlaces(rpc(), keys)),
    pastReading: gather((keys) => pastReadingsOf(rpc(), keys)),
    forecast: gather((ids) => forecastsOf(rpc(), ids)),
    recommendation: gather((keys) => recommendationsOf(rpc(), keys)),
    eventNovelty: gather((keys) => eventNoveltyOf(rpc(), keys)),
    customerNovelty: gather((ids) => customerNoveltyOf(rpc(), ids)),
    noveltyThresholds: gather(async (asked) => {
      const thresholds = await rpc().unusual.getNoveltyThresholds({});
      return asked.map(() => thresholds);
    }),
    segment: gather((keys) => segmentsOf(rpc(), keys)),
    segmentList: gather((requests) => distinctly(requests, async (request) => {
      const { segments, ...answer } = await rpc().segments.listSegments(request);
      return { ...answer, segments: asAsked(segments, answer.basis, { ...request, isBrief: request.brief }) };
    })),
    modelSegments: gather((keys) =>
      alike(keys, ({ page }) => Math.max(page.first, ROWS_OF_A_COUNT), async (modelIds, { page }) => {
        const { models } = await rpc().segments.listSegmentsOfModels({ modelIds, page, level: worker.SegmentLevel.MAIN });
        return models.map(({ modelId, segments, pageInfo, basis }) => [modelId, { rows: asAsked(segments, basis, { modelId, isBrief: true }), pageInfo, basis }]);
      }),
    ),
    countReach: gather((keys) => distinctly(keys, (key) => rpc().counting.getCountReach(key))),
    model: gather(async (ids) => {
      const { models } = await rpc().models.getModels({ ids: unique(ids), champion: false });
      const byId = new Map(models.map((model) => [model.id, model]));
      return ids.map((id) => byId.get(id));
    }),
    dataProfile: gather((ids) =>
      alike(ids.map((id) => ({ id })), () => ROWS_OF_A_FOLDER, async (modelIds) => {
        const { models } = await rpc().profiles.getDataProfiles({ modelIds });
        const byId = new Map(models.map(({ modelId, profile }) => [modelId, profile]));
        return modelIds.map((id) => [id, byId.get(id)]);
      }),
    ),
    run: gather(async (ids) => {
      const { runs } = await rpc().runs.getRuns({ ids: unique(ids), withMetrics: false });
      const byId = new Map(runs.map((run) => [run.id, run]));
      return ids.map((id) => byId.get(id));
    }),
    runMetrics: gather((ids) =>
      alike(ids.map((id) => ({ id })), () => ROWS_OF_CURVES, async (runIds) => {
        const { runs } = await rpc().runs.getRuns({ ids: runIds, withMetrics: true });
        const byId = new Map(runs.map(({ id, metrics }) => [id, metrics]));
        return runIds.map((id) => [id, byId.get(id) ?? []]);
      }),
    ),
    labelSet: gather(async (ids) => {
      const { labelSets } = await rpc().labels.getLabelSets({ ids: unique(ids) });
      const byId = new Map(labelSets.map((set) => [set.id, set]));
      return ids.map((id) => byId.get(id));
    }),
    labelHeads: gather((keys) =>
      pagesOf(keys, async (labelSetIds, { page, withTotal }) => {
        const { labelSets } = await rpc().heads.listHeadsOfLabelSets({ labelSetIds, page, withTotal });
        return labelSets.map(({ labelSetId, heads, pageInfo }) => [labelSetId, { rows: heads, pageInfo }]);
      }),
    ),
    labelHead: gather(async (ids) => {
      const { heads } = await rpc().heads.getHeads({ ids: unique(ids) });
      const byId = new Map(heads.map((head) => [head.id, head]));
      return ids.map((id) => byId.get(id));
    }),
    // A workspace has a page of them at most.
    exportSchedule: gather(async (ids) => {
      const { schedules } = await rpc().exports.listExportSchedules({ segmentId: '', page: { first: MOST_ROWS, after: '' } });
      const byId = new Map(schedules.map((schedule) => [schedule.id, schedule]));
      return ids.map((id) => byId.get(id));
    }),
    prediction: gather(async (ids) => {
      const { customers } = await rpc().predictions.getPredictions({ customerIds: unique(ids) });
      const byId = new Map(customers.map(({ customerId, predictions }) => [customerId, predictions]));
      return ids.map((id) => byId.get(id) ?? []);
    }),
    webhookDeliveries: gather((keys) =>
      pagesOf(keys, async (webhookIds, { state, page, withTotal }) => {
        const { webhooks } = await rpc().webhooks.listDeliveriesOfWebhooks({ webhookIds, state, page, withTotal });
        return webhooks.map(({ webhookId, deliveries, pageInfo }) => [webhookId, { rows: deliveries, pageInfo }]);
      }),
    ),
    scheduledExports: gather((keys) =>
      pagesOf(keys, async (scheduleIds, { page, withTotal }) => {
        const { schedules } = await rpc().exports.listExportsOfSchedules({ scheduleIds, page, withTotal });
        return schedules.map(({ scheduleId, exports, pageInfo }) => [scheduleId, { rows: exports, pageInfo }]);
      }),
    ),
    import: gather(async (ids) => {
      const { imports } = await rpc().imports.getImports({ ids: unique(ids) });
      const byId = new Map(imports.map((one) => [one.id, one]));
      return ids.map((id) => byId.get(id));
    }),
    membershipHistory: gather((keys) =>
      pagesOf(keys, async (customerIds, { page, withTotal }) => {
        const { customers } = await rpc().memberships.listChangesOfCustomers({ customerIds, page, withTotal });
        return customers.map(({ customerId, changes, pageInfo }) => [customerId, { rows: changes, pageInfo }]);
      }),
    ),
    mergeHistory: gather((keys) =>
      pagesOf<PageKey, ServicePage<identity.CustomerMerge>>(keys, async (customerIds, { page, withTotal }) => {
        const { customers } = await rpc().identity.listMergesOfCustomers({ customerIds, page, withTotal });
        const pages = new Map(customers.map(({ customerId, merges, pageInfo }) => [customerId, { rows: merges, pageInfo }]));
        return customerIds.map((id) => [id, pages.get(id) ?? customerUnknown()]);
      }),
    ),
    customerEvents: gather((keys) =>
      pagesOf<PageKey, ServicePage<Event>>(keys, async (customerIds, { page, withTotal }) => {
        const { customers } = await rpc().events.listEventsOfCustomers({ customerIds, page, withTotal });
        const pages = new Map(customers.map(({ customerId, events, pageInfo }) => [customerId, { rows: events.map((event) => ({ ...event, customerId })), pageInfo }]));
        return customerIds.map((id) => [id, pages.get(id) ?? customerUnknown()]);
      }),
    ),
    members: gather((keys) => pagesOf(keys, (ids, like) => membersOf(rpc(), ids, like))),
    segmentVersions: gather((keys) =>
      pagesOf(keys, async (segmentIds, { page, withTotal }) => {
        const { segments } = await rpc().segments.listVersionsOfSegments({ segmentIds, page, withTotal });
        return segments.map(({ segmentId, versions, pageInfo }) => [segmentId, { rows: versions, pageInfo }]);
      }),
    ),
    similar: gather((keys) =>
      alike(keys, ({ first }) => Math.max(first, ROWS_OF_A_SEARCH), async (customerIds, { first }) => {
        const { customers } = await rpc().similarity.listSimilarToCustomers({ customerIds, first });
        return customers.map(({ customerId, neighbours }) => [customerId, neighbours]);
      }),
    ),
  };
}

/** Who was in segments at a time, is in them now, or is placed there by a model. */
async function membersOf(rpc: Backends, segmentIds: string[], { modelId, asOf: past, page, order }: MembersKey): Promise<[string, MemberPage][]> {
  const { segments, asOf } =
    past === '' ? await rpc.segments.listMembersOfSegments({ segmentIds, modelId, page, order }) : { ...(await rpc.history.listPastMembersOfSegments({ segmentIds, asOf: past, page, order })), asOf: undefined };
  return segments.map(({ segmentId, members, pageInfo }) => [segmentId, { rows: members, pageInfo, asOf }]);
}

/** One call for each model and time that is asked for; nearly always that is one. */
async function segmentsOf(rpc: Backends, keys: readonly SegmentKey[]): Promise<(Segment | undefined)[]> {
  const answers = new Map<string, Segment>();
  await Promise.all(
    [...Map.groupBy(keys, drawing)].map(async ([name, group]) => {
      const { modelId = '', asOf = '' } = group[0] ?? {};
      const { segments, basis } = await rpc.segments.getSegments({ ids: unique(group.map(({ id }) => id)), modelId, asOf: asOf || undefined });
      for (const segment of asAsked(segments, basis, { modelId, asOf })) answers.set(`${segment.id}|${name}`, segment);
    }),
  );
  return keys.map((key) => answers.get(segmentName(key)));
}

/** One call for each time that is asked for. */
async function pastPlaces(rpc: Backends, keys: readonly PastKey[]): Promise<serving.Membership[][]> {
  const answers = new Map<string, serving.Membership[]>();
  await Promise.all(
    [...Map.groupBy(keys, ({ asOf }) => asOf)].map(async ([asOf, group]) => {
      const customerIds = unique(group.map(({ customerId }) => customerId));
      const { customers } = await rpc.history.getPastMemberships({ customerIds, asOf });
      for (const [at, customerId] of customerIds.entries()) answers.set(pastName({ customerId, asOf }), customers[at]?.memberships ?? []);
    }),
  );
  return keys.map((key) => answers.get(pastName(key)) ?? []);
}

/** Tells customers' times apart. */
export function pastName({ customerId, asOf }: PastKey): string {
  return `${customerId}|${asOf}`;
}

/** Each with the segments that all were told with. */
function placesOf(customers: serving.CustomerMemberships[], { segments, basis }: Pick<serving.GetUserMembershipsResponse, 'segments' | 'basis'>): Place[] {
  const told = new Map(asAsked(segments, basis, { modelId: '', isBrief: true }).map((segment) => [segment.id, segment]));
  return customers.map((place) => Object.assign(place, { told }));
}

/** The same segments, each with how it was asked for and what its size is of. They were made for this answer, so they are not copied. */
function asAsked(segments: serving.Segment[], sizes: counting.CountBasis | undefined, { modelId, asOf, isBrief }: { modelId: string; asOf?: string | undefined; isBrief?: boolean }): Segment[] {
  const asked = { sizes, ...(asOf ? { past: asOf } : {}), ...(modelId ? { drawnBy: modelId } : {}), ...(isBrief ? { isBrief } : {}) };
  return segments.map((segment) => Object.assign(segment, asked));
}

/** One call for each thing that is asked for, however often. */
async function distinctly<Request, Answer>(requests: readonly Request[], ask: (request: Request) => Promise<Answer>): Promise<Answer[]> {
  const answers = new Map<string, Promise<Answer>>();
  return Promise.all(
    requests.map((request) => {
      const body = JSON.stringify(request);
      const answer = answers.get(body) ?? ask(request);
      answers.set(body, answer);
      return answer;
    }),
  );
}

/** Tells segment keys apart. */
export function segmentName(key: SegmentKey): string {
  return `${key.id}|${drawing(key)}`;
}

function drawing({ modelId, asOf }: SegmentKey): string {
  return `${modelId}|${asOf}`;
}

function unique<Key>(keys: readonly Key[]): Key[] {
  return [...new Set(keys)];
}

function customerUnknown(): RpcError {
  return RpcError.notFound('There is no such customer.', { reason: 'CUSTOMER_UNKNOWN' });
}

async function customersOf({ customers: service }: Backends, ids: readonly string[], unmerged: boolean): Promise<(ingestion.Customer | undefined)[]> {
  const { customers } = await service.getCustomers({ ids: unique(ids), unmerged });
  const byId = new Map(customers.map(({ requestedId, customer }) => [requestedId, customer]));
  return ids.map((id) => byId.get(id));
}
