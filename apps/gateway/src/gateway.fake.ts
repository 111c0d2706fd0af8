// Tiny services in the process of a test, speaking the real protocol, that count what they are asked.
import { EventEmitter, on } from 'node:events';
import { createHash } from 'node:crypto';

import type { ServiceDefinition } from '@grpc/grpc-js';
import { type CallContext, createServer, ServerError, type Server } from 'nice-grpc';

import { access, counting, dataProfile, definition, explanation, exporting, foresight, history, identity, ingestion, label, novelty, pastReading, person, prediction, quarantine, region, retention, serving, similar, trackingPlan, training, unusual, unusualEvent, webhook, worker } from '#libs/contracts';
import { PRINCIPAL_METADATA, RpcError, status } from '#libs/grpc';
import { type Principal, PrincipalSigner } from '#libs/auth';

export const SECRET = 'a secret of the tests, long enough to sign';
export const WORKSPACE = '01900000-0000-7000-8000-0000000000aa';
export const KEYS = { admin: 'ka_admin', editor: 'ke_editor', viewer: 'kv_viewer', intake: 'kw_intake', doomed: 'kv_doomed' } as const;
export const AT = '2026-11-20T12:00:00.000Z';

/** `customer(3)` is the id of the third one. */
export const id = (kind: 'customer' | 'segment' | 'model' | 'run' | 'import', number: number) =>
  `01900000-0000-7000-8000-${{ customer: 'c', segment: '5', model: 'd', run: 'e', import: 'f' }[kind]}${String(number).padStart(11, '0')}`;

type Handler = (request: never, principal: Principal, signal: AbortSignal) => unknown;

export interface FakeServices {
  readonly environment: Record<string, string>;
  /** Calls by method, in order. */
  readonly calls: { method: string; request: unknown; principal: Principal }[];
  count(method: string): number;
  readonly audit: access.AuditEntry[];
  /** Streams that somebody follows now. */
  readonly following: Set<string>;
  readonly news: EventEmitter;
  /** Answers a method otherwise until the next reset. */
  replace(method: string, handler: Handler): void;
  reset(): void;
  close(): Promise<void>;
}

const CUSTOMERS = 40;
const SEGMENTS = 4;

export async function startFakeServices(): Promise<FakeServices> {
  const signer = new PrincipalSigner(SECRET);
  const news = new EventEmitter();
  news.setMaxListeners(0);
  const audit: access.AuditEntry[] = [];
  const calls: FakeServices['calls'] = [];
  const following = new Set<string>();
  const replaced = new Map<string, Handler>();
  let streams = 0;
  const handlers: Record<string, Handler> = { ...accessHandlers(audit, news), ...ingestionHandlers(), ...trainingHandlers(), ...servingHandlers() };

  async function authenticate(context: CallContext): Promise<Principal> {
    return signer.verify(context.metadata.get(PRINCIPAL_METADATA) ?? '');
  }
  function implementationOf(definition: ServiceDefinition) {
    const methods = Object.entries(definition).map(([name, { responseStream }]) => [
      name,
      responseStream
        ? async function* stream(request: never, context: CallContext) {
            const principal = await authenticate(context);
            if (name !== 'watchKeys') calls.push({ method: name, request, principal });
            const token = `${name}#${(streams += 1)}`;
            following.add(token);
            news.emit('following');
            try {
              yield* asServer((replaced.get(name) ?? streamOf(name, news))(request, principal, context.signal) as AsyncIterable<unknown>);
            } catch (error) {
              throw error instanceof RpcError ? asServerError(error, context) : error;
            } finally {
              following.delete(token);
              news.emit('left', name);
            }
          }
        : async (request: never, context: CallContext) => {
            const principal = await authenticate(context);
            calls.push({ method: name, request, principal });
            const handler = replaced.get(name) ?? handlers[name];
            if (!handler) throw new ServerError(status.UNIMPLEMENTED, name);
            try {
              return await handler(request, principal, context.signal);
            } catch (error) {
              throw asServerError(error, context);
            }
          },
    ]);
    return Object.fromEntries(methods) as never;
  }

  const server: Server = createServer();
  const definitions = [
    access.AccessServiceService, ingestion.EventServiceService, ingestion.CustomerServiceService, ingestion.ImportServiceService,
    quarantine.QuarantineServiceService, trackingPlan.TrackingPlanServiceService, identity.IdentityServiceService, person.PersonServiceService,
    training.RunServiceService, training.ModelServiceService, dataProfile.DataProfileServiceService, label.LabelServiceService, label.HeadServiceService, prediction.PredictionServiceService, serving.MembershipServiceService, serving.SegmentServiceService, explanation.ExplanationServiceService,
    foresight.ForesightServiceService, retention.RetentionServiceService, webhook.WebhookServiceService,
    definition.SegmentDefinitionServiceService, similar.SimilarityServiceService, region.RegionServiceService, exporting.ExportServiceService, history.HistoryServiceService, unusual.UnusualServiceService, unusualEvent.UnusualEventServiceService, counting.CountingServiceService, pastReading.PastReadingServiceService,
  ];
  for (const definition of definitions) server.add(definition as never, implementationOf(definition));
  const port = await server.listen('127.0.0.1:0');
  const address = `127.0.0.1:${port}`;
  return {
    environment: { ACCESS_ADDRESS: address, INGESTION_ADDRESS: address, TRAINING_ADDRESS: address, SERVING_ADDRESS: address, PRINCIPAL_SECRET: SECRET },
    calls,
    count: (method) => calls.filter((call) => call.method === method).length,
    audit,
    following,
    news,
    replace: (method, handler) => void replaced.set(method, handler),
    reset: () => {
      calls.length = 0;
      audit.length = 0;
      replaced.clear();
    },
    close: async () => server.forceShutdown(),
  };
}

/** Failures as our services send them: status and google.rpc.ErrorInfo. */
function asServerError(error: unknown, context: CallContext): unknown {
  if (!(error instanceof RpcError)) return new ServerError(status.UNKNOWN, String(error));
  const packed = error.toServiceError();
  context.trailer.set('grpc-status-details-bin', packed.metadata.get('grpc-status-details-bin')[0] as Buffer);
  return new ServerError(packed.code as number, packed.details);
}

async function* asServer(values: AsyncIterable<unknown>) {
  yield* values;
}

/** What a watcher is sent: the first value at once, then whatever the test emits under the method's name. */
function streamOf(method: string, news: EventEmitter): Handler {
  return async function* watch(request: { id?: string }, _principal: Principal, signal: AbortSignal) {
    if (method === 'watchKeys') yield { snapshot: true, keys: keyRecords(), revokedKeyIds: [] };
    if (method === 'watchRun') yield { run: run(request.id ?? '') };
    try {
      for await (const [value] of on(news, method, { signal })) yield value;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  } as Handler;
}

function keyRecords(): access.KeyRecord[] {
  const role = { admin: access.Role.ADMIN, editor: access.Role.EDITOR, viewer: access.Role.VIEWER, intake: access.Role.INTAKE, doomed: access.Role.VIEWER };
  return Object.entries(KEYS).map(([name, key]) => ({
    id: name,
    workspaceId: WORKSPACE,
    role: role[name as keyof typeof role],
    digest: createHash('sha256').update(key).digest(),
    expiresAt: undefined,
    previousDigest: Buffer.alloc(0),
    previousUntil: undefined,
  }));
}

const settings: access.WorkspaceSettings = { version: 3, clock: access.Clock.DATA, timezone: 'UTC', currency: '', mainEvents: ['Order Completed'], valueProperty: 'revenue', guessed: ['clock', 'currency'] };
const workspace = (): access.Workspace => ({ id: WORKSPACE, slug: 'shop', name: 'Shop', createdAt: AT, settings });

function accessHandlers(audit: access.AuditEntry[], news: EventEmitter): Record<string, Handler> {
  return {
    getWorkspace: () => ({ workspace: workspace() }),
    updateWorkspaceSettings: (request: access.UpdateWorkspaceSettingsRequest) => ({ workspace: { ...workspace(), settings: request.settings } }),
    createKey: ({ name, role }: access.CreateKeyRequest) => {
      if (name === 'taken') throw new RpcError(status.ALREADY_EXISTS, 'There is a key named "taken".', { reason: 'NAME_TAKEN' });
      return { key: { id: id('run', 9), name, role, prefix: 'kv_', createdAt: AT, revokedAt: undefined, expiresAt: undefined, previousSecretUntil: undefined }, secret: 'kv_secret' };
    },
    rotateKey: (request: access.RotateKeyRequest) => {
      if (request.id === id('run', 8)) throw RpcError.precondition('The key has ended. Make a new one.', { reason: 'KEY_ENDED' });
      const key = { id: request.id, name: 'Shop', role: access.Role.INTAKE, prefix: 'kw_new', createdAt: AT, revokedAt: undefined, expiresAt: undefined, previousSecretUntil: AT };
      return { key, secret: 'kw_new_secret' };
    },
    recordAudit: ({ entry }: access.RecordAuditRequest) => {
      if (entry) audit.push(entry);
      news.emit('audit');
      return {};
    },
    listAudit: () => ({ entries: [{ id: id('run', 1), at: AT, actor: 'key:admin', action: 'promoteModel', target: '', details: '{"seed":7}', outcome: 'OK' }], pageInfo: pageInfo('x', false, 1) }),
  };
}

export const customer = (number: number): ingestion.Customer => ({
  id: id('customer', number), userId: `user-${number}`, anonymousIds: [], firstSeenAt: AT, lastSeenAt: AT, eventCount: 12, archivedEventCount: 0, attributes: '{"plan":"gold"}',
});
const numberOf = (uuid: string) => Number(uuid.slice(-11));

/** Everyone there is. */
const all = Array.from({ length: CUSTOMERS }, (_, index) => customer(index + 1));

function ingestionHandlers(): Record<string, Handler> {
  return {
    getCustomers: ({ ids }: ingestion.GetCustomersRequest) => ({
      customers: ids.flatMap((wanted) => (all.some((one) => one.id === wanted) ? [{ requestedId: wanted, customer: customer(numberOf(wanted)) }] : [])),
    }),
    resolveCustomer: ({ key }: ingestion.ResolveCustomerRequest) => {
      const known = all.find(({ userId }) => userId === key?.value);
      if (!known) throw RpcError.notFound('No such customer.', { reason: 'CUSTOMER_UNKNOWN' });
      return { customer: known };
    },
    resolveCustomers: ({ userIds }: ingestion.ResolveCustomersRequest) => ({
      customers: userIds.flatMap((userId) => all.flatMap((one) => (one.userId === userId ? [{ userId, customerId: one.id }] : []))),
    }),
    listCustomers: ({ page }: ingestion.ListCustomersRequest) => cut(all, page, 'customers'),
    listEventsOfCustomers: ({ customerIds, withTotal }: ingestion.ListEventsOfCustomersRequest) => ({
      customers: customerIds.map((customerId) => ({
        customerId,
        events: [{ id: id('run', 2), type: 'track', name: 'Order Completed', occurredAt: AT, receivedAt: AT, properties: '{"revenue":9.5}', messageId: 'm-1' }],
        pageInfo: pageInfo('e', false, withTotal ? 1 : 0),
      })),
    }),
    trackEventBatch: ({ events, withResults }: ingestion.TrackEventBatchRequest) => {
      const calls = JSON.parse(Buffer.from(events).toString()) as { messageId?: string; userId?: string }[];
      const stored = calls.filter(({ userId }) => userId).length;
      const results = calls.map(({ messageId = '', userId }) => {
        const outcome = userId ? ingestion.EventOutcome.STORED : ingestion.EventOutcome.REJECTED;
        return { messageId, outcome, reason: userId ? '' : 'CUSTOMER_MISSING', detail: userId ? '' : 'Give userId or anonymousId.' };
      });
      return { results: withResults ? results : [], stored, duplicate: 0, rejected: calls.length - stored };
    },
    getEventReceipt: () => {
      throw RpcError.notFound('It never came.', { reason: 'MESSAGE_UNKNOWN' });
    },
    getEventLedger: () => ({ received: 5_000_000_000, stored: 4_999_999_990, duplicate: 7, rejected: 3, asOf: AT, reconciledAt: AT, difference: 0 }),
    startImport: ({ fileName, mapping, artifact }: ingestion.StartImportRequest) => {
      if (mapping.includes('absent')) {
        throw RpcError.invalid('The mapping names the column "absent".', { reason: 'MAPPING_INVALID', metadata: { column: 'absent', columns: 'customer, time' } });
      }
      return { import: { ...importOf(id('import', 1)), fileName, mapping: JSON.stringify({ artifact }) } };
    },
    getImports: ({ ids }: ingestion.GetImportsRequest) => ({ imports: ids.map(importOf) }),
    listImports: ({ page }: ingestion.ListImportsRequest) => cut([2, 1].map((number) => importOf(id('import', number))), page, 'imports'),
  };
}

export function importOf(importId: string): ingestion.Import {
  return {
    id: importId, state: ingestion.ImportState.RUNNING, fileName: 'shop.csv', startedAt: AT, finishedAt: undefined, rowsRead: 50, rowsTotal: 200, rowsFolded: 48,
    skipped: [{ reason: 'NO_CUSTOMER', rows: 2 }], rejected: [], eventsStored: 40, eventsDuplicate: 0, eventsRejected: 0, rowsPerSecond: 100, remainingSeconds: 1.5, error: '', mapping: '',
    stage: ingestion.ImportStage.WRITING, progress: 0.25, rowsStaged: 200,
  };
}

export function run(runId: string, more: Partial<training.Run> = {}): training.Run {
  return {
    id: runId, state: training.RunState.TRAINING, trigger: training.RunTrigger.PERSON, requestedBy: 'admin',
    spec: { encoder: 'decayed_sum', objectives: [], width: 0, epochs: 0, batchSize: 0, learningRate: 0, horizonDays: [], halfLifeDays: [], segmentCount: 0, sampleFraction: 0, seed: 7, mainEvents: [], valueProperty: '', keepLeaks: false, keepProperties: [], leaveOutProperties: [], itemField: '', precision: '', continuedLearningRate: 0, reads: 0 },
    progress: 0.25, step: 'epoch 2 of 6', rate: 1000, rateUnit: 'events', remainingSeconds: 0, createdAt: AT, startedAt: AT, finishedAt: undefined, error: undefined,
    metrics: [{ name: 'loss', points: [{ step: 1, value: 0.5 }] }], modelId: '', steps: [], events: 0, customers: 0, position: undefined, ...more,
  };
}

/** What is ordinary to the fake's models. */
const REACH: novelty.NoveltyReach = { quantiles: [0.9, 0.995], novelty: [0.2, 0.46], measuredOn: 900, usual: 0.995 };

export function model(modelId: string): training.Model {
  return {
    id: modelId, version: 1, state: training.ModelState.CHAMPION, runId: id('run', 1), createdAt: AT, promotedAt: AT, uri: 'file:///x', hash: 'ff', position: undefined,
    events: 100, customers: CUSTOMERS, segmentCount: SEGMENTS, verdict: 'Better than before.', ordinaryNovelty: { customers: REACH, events: undefined },
    evaluationSample: { customers: 30, population: CUSTOMERS, drawn: 'by a hash of what they did and the seed 0' },
    measures: [
      { name: 'auc', subject: 'embedding', value: 0.9, deviation: 0.01, baseline: false },
      { name: 'auc', subject: 'rfm', value: 0.7, deviation: 0.01, baseline: true },
    ],
  };
}

function trainingHandlers(): Record<string, Handler> {
  return {
    startRun: () => {
      throw RpcError.precondition('Another run has not ended yet.', { reason: 'RUN_ACTIVE', metadata: { runId: id('run', 1) } });
    },
    getSpecChoices: () => ({ choices: { encoders: [{ name: 'gru', hasLiveForm: true }, { name: 'transformer', hasLiveForm: false }], objectives: ['horizon', 'order'] } }),
    getRuns: ({ ids, withMetrics }: training.GetRunsRequest) => ({ runs: ids.map((runId) => run(runId, withMetrics ? {} : { metrics: [] })) }),
    listRuns: ({ page }: training.ListRunsRequest) => cut([1, 2, 3].map((number) => run(id('run', number), { metrics: [] })), page, 'runs'),
    getModels: ({ ids, champion }: training.GetModelsRequest) => ({ models: (champion ? [id('model', 1)] : ids).map(model) }),
    getDataProfiles: ({ modelIds }: dataProfile.GetDataProfilesRequest) => ({
      models: modelIds.map((modelId) => ({
        modelId,
        profile: dataProfile.DataProfile.fromPartial({ notes: ['order_id is left out: an id.'], encoder: 'decayed_sum', properties: [{ name: 'order_id', kind: 'categorical', reason: 'an id' }, { name: 'price', kind: 'numeric', isKept: true }] }),
      })),
    }),
    promoteModel: () => {
      throw RpcError.precondition('It is the champion already.', { reason: 'ALREADY_CHAMPION' });
    },
  };
}

function membershipOf(segmentId: string): serving.Membership {
  return { segmentId, strength: 0.9, since: AT, modelId: id('model', 1), decidedAt: AT, finerSegmentId: '' };
}

export function segmentOf(segmentId: string): serving.Segment {
  return {
    id: segmentId, kind: serving.SegmentKind.LEARNED, name: `Segment ${numberOf(segmentId)}`, description: 'A group.', size: 10, share: 0.25, stability: undefined,
    traits: [{ key: 'recency', label: 'orders often', lift: 2, effect: 1, segmentValue: 2, restValue: 1, unit: 'days' }],
    typicalCustomerIds: [id('customer', 1), id('customer', 2), id('customer', 39)], parentId: '', modelId: id('model', 1), asOf: AT, createdAt: AT, retiredAt: undefined, lineage: [], renamed: false,
    level: worker.SegmentLevel.MAIN, childIds: [], rule: undefined,
  };
}

export function briefly(segment: serving.Segment): serving.Segment {
  return { ...segment, traits: [], typicalCustomerIds: [], lineage: [], rule: undefined };
}

const BASIS: counting.CountBasis = { asOf: AT, modelId: id('model', 1), placed: CUSTOMERS - 2, unseen: 2, newestEventAt: AT };

export const placeOf = (customerId: string): serving.CustomerMemberships => ({
  customerId, known: true, novelty: 0.1, mapX: 1, mapY: 2, memberships: [membershipOf(id('segment', (numberOf(customerId) % SEGMENTS) + 1))],
});

function servingHandlers(): Record<string, Handler> {
  const segments = Array.from({ length: SEGMENTS }, (_, index) => segmentOf(id('segment', index + 1)));
  return {
    getCustomerMemberships: ({ customerIds }: serving.GetCustomerMembershipsRequest) => ({
      customers: customerIds.map(placeOf), modelId: id('model', 1), asOf: AT, segments: segments.map(briefly), basis: BASIS,
    }),
    getUserMemberships: ({ userIds }: serving.GetUserMembershipsRequest) => ({
      users: all.flatMap(({ userId, id: customerId }) => (userIds.includes(userId) ? [{ userId, customer: placeOf(customerId) }] : [])), segments: segments.map(briefly), basis: BASIS,
    }),
    getForecasts: ({ customerIds }: foresight.GetForecastsRequest) => ({
      customers: customerIds.map((customerId) => ({
        customerId,
        forecasts: [
          { event: 'B', horizonDays: 7, probability: 0.6, expectedValue: 3, expectedAt: AT, earliestAt: AT, latestAt: undefined, asOf: AT, modelId: id('model', 1) },
          { event: 'A', horizonDays: 7, probability: 0.2, expectedValue: 0, expectedAt: undefined, earliestAt: AT, latestAt: undefined, asOf: AT, modelId: id('model', 1) },
        ],
      })),
      modelId: id('model', 1),
    }),
    recommendItems: ({ customerIds, first, excludeOwned }: foresight.RecommendItemsRequest) => ({
      customers: customerIds.map((customerId) => ({
        customerId,
        items: [
          { item: 'tea', score: 0.3, reason: foresight.RecommendationReason.BOUGHT_BEFORE, goesWith: '', asOf: AT, modelId: id('model', 1) },
          { item: 'milk', score: 0.2, reason: foresight.RecommendationReason.GOES_WITH, goesWith: 'tea', asOf: AT, modelId: id('model', 1) },
        ].slice(excludeOwned ? 1 : 0).slice(0, first || 5),
      })),
      modelId: id('model', 1),
    }),
    getEventNovelty: ({ events }: foresight.GetEventNoveltyRequest) => ({
      events: events.map(({ eventId, customerId }) => ({ eventId, novelty: customerId === id('customer', 3) ? 0.4 : undefined })),
      modelId: id('model', 1),
    }),
    getNoveltyThresholds: () => ({
      customers: { threshold: 0.46, quantile: 0.995, overridden: false }, events: { threshold: 0.3, quantile: 0.995, overridden: false },
      measured: { customers: REACH, events: undefined }, modelId: id('model', 1),
    }),
    getCustomerNovelty: ({ customerIds }: unusual.GetCustomerNoveltyRequest) => ({
      customers: customerIds.map((customerId) => ({ customerId, novelty: numberOf(customerId) === 3 ? 0.6 : 0.1, since: numberOf(customerId) === 3 ? AT : undefined })),
      threshold: { threshold: 0.46, quantile: 0.995, overridden: false },
    }),
    getSegments: ({ ids }: serving.GetSegmentsRequest) => ({ segments: segments.filter((segment) => ids.includes(segment.id)), basis: BASIS }),
    listSegments: ({ page, brief }: serving.ListSegmentsRequest) => ({ ...cut(brief ? segments.map(briefly) : segments, page, 'segments'), population: CUSTOMERS, basis: BASIS }),
    getCountReach: () => ({ basis: BASIS, customers: CUSTOMERS + 3, eventsBehind: 5, secondsBehind: 1.5 }),
    // The last member was erased a moment ago: ingestion does not know them any more.
    listMembersOfSegments: ({ segmentIds }: serving.ListMembersOfSegmentsRequest) => ({
      segments: segmentIds.map((segmentId) => ({
        segmentId, members: [1, 2, 3, 999].map((number) => ({ customerId: id('customer', number), membership: membershipOf(segmentId), cursor: `m${number}` })), pageInfo: pageInfo('m999', false, 4),
      })),
      asOf: AT,
    }),
    explainMembership: ({ customerId }: explanation.ExplainMembershipRequest) => {
      if (numberOf(customerId) === 7) throw RpcError.notFound('Not there any more.', { reason: 'NO_MEMBERSHIP' });
      const told = { firstAt: AT, lastAt: AT, events: 1, effect: 1.5, towards: 0.2, strengthWithout: 0.4 };
      return {
        modelId: id('model', 1), readAt: AT, strength: 0.9, events: [{ ...told, event: 'Order Completed' }, { ...told, event: 'Product Viewed', effect: 0.1 }],
        earlier: { ...told, event: '', events: 30 }, check: { events: 1, strengthWithoutNamed: 0.4, strengthWithoutOthers: 0.85, drawings: 8, towardsByNamed: 0.3, towardsByOthers: 0.05 },
        traits: [{ key: 'recency', value: 2.5, fits: true, isEstimate: false }], typical: [{ customerId: id('customer', 1), similarity: 0.9 }, { customerId: id('customer', 999), similarity: 0.8 }],
        changes: [{ kind: explanation.BehaviourChangeKind.WAIT, event: '', thenEvent: '', times: 0, days: 30, segmentId: id('segment', 2), strength: 0.7 }], mostTimes: 34, mostDays: 365,
      };
    },
    getCustomerMap: ({ sample }: serving.GetCustomerMapRequest) => ({
      points: Array.from({ length: sample || 2_000 }, (_, index) => ({ customerId: id('customer', index), segmentId: index === 0 ? '' : id('segment', 1), x: 1, y: 2, strength: 0.5 })),
      modelId: id('model', 1), asOf: AT, population: CUSTOMERS,
    }),
    renameSegment: ({ id: segmentId, name }: serving.RenameSegmentRequest) => {
      if (name === 'taken') throw new RpcError(status.ALREADY_EXISTS, 'Another segment has this name.', { reason: 'NAME_TAKEN' });
      return { segment: { ...segmentOf(segmentId), name, renamed: true } };
    },
  };
}

function pageInfo(endCursor: string, hasNextPage: boolean, totalCount: number) {
  return { endCursor, hasNextPage, totalCount };
}

/** A service's list: the cursor is the place in it. */
function cut<Row, Name extends string>(rows: Row[], page: { first: number; after: string } | undefined, name: Name) {
  const begin = Number(page?.after || 0);
  const part = rows.slice(begin, begin + (page?.first || 25));
  return { [name]: part, pageInfo: pageInfo(part.length > 0 ? String(begin + part.length) : '', begin + part.length < rows.length, rows.length) };
}

