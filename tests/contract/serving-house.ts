import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { DuckDBInstance } from '@duckdb/node-api';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';

import { PrincipalSigner } from '#libs/auth';
import { access, definition, exporting, type feed, foresight, forgetting, history, region, serving, similar, unusual, unusualEvent, webhook, worker } from '#libs/contracts';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { type Call, connect, type RpcClient } from '#libs/grpc';
import { publishHint } from '#libs/queue';
import { createService } from '#libs/service';

import { servingDefinition } from '../../apps/serving/src/serving.definition.js';
import { FakeAccess } from './access.fake.js';
import { FakeCustomers } from './customers.fake.js';
import { FakeScoreWorker, FORESEEN, HERE, LOTS, MANY, QUIET, readFake, SEGMENTS, SOME } from './score-worker.fake.js';

const SECRET = 'a secret that only these tests know of';

/** What a replica of serving answers to. */
export interface ServingClients {
  readonly memberships: RpcClient<typeof serving.MembershipServiceService>;
  readonly similarity: RpcClient<typeof similar.SimilarityServiceService>;
  readonly regions: RpcClient<typeof region.RegionServiceService>;
  readonly segments: RpcClient<typeof serving.SegmentServiceService>;
  readonly activation: RpcClient<typeof serving.ActivationServiceService>;
  readonly foresight: RpcClient<typeof foresight.ForesightServiceService>;
  readonly webhooks: RpcClient<typeof webhook.WebhookServiceService>;
  readonly definitions: RpcClient<typeof definition.SegmentDefinitionServiceService>;
  readonly exports: RpcClient<typeof exporting.ExportServiceService>;
  readonly history: RpcClient<typeof history.HistoryServiceService>;
  readonly unusual: RpcClient<typeof unusual.UnusualServiceService>;
  readonly unusualEvents: RpcClient<typeof unusualEvent.UnusualEventServiceService>;
  readonly forgetting: RpcClient<typeof forgetting.ForgettingServiceService>;
  close(): void;
}

export function clientsAt(address: string): ServingClients {
  const memberships = connect(serving.MembershipServiceService, address);
  const similarity = connect(similar.SimilarityServiceService, address);
  const regions = connect(region.RegionServiceService, address);
  const segments = connect(serving.SegmentServiceService, address);
  const activation = connect(serving.ActivationServiceService, address);
  const foresights = connect(foresight.ForesightServiceService, address);
  const webhooks = connect(webhook.WebhookServiceService, address);
  const definitions = connect(definition.SegmentDefinitionServiceService, address);
  const exports = connect(exporting.ExportServiceService, address);
  const past = connect(history.HistoryServiceService, address);
  const novel = connect(unusual.UnusualServiceService, address);
  const novelEvents = connect(unusualEvent.UnusualEventServiceService, address);
  const forgettings = connect(forgetting.ForgettingServiceService, address);
  const clients = [memberships, similarity, regions, segments, activation, foresights, webhooks, definitions, exports, past, novel, novelEvents, forgettings];
  return { memberships, similarity, regions, segments, activation, foresight: foresights, webhooks, definitions, exports, history: past, unusual: novel, unusualEvents: novelEvents, forgetting: forgettings, close: () => clients.forEach((client) => client.close()) };
}

/** A replica of serving in this process. */
export interface ServingReplica extends ServingClients {
  /** `host:port` of its gRPC. */
  readonly address: string;
  readonly http: string;
  stop(): Promise<void>;
}

export interface TestEvent {
  readonly customerId: string;
  readonly name?: string;
  readonly type?: 'track' | 'page' | 'screen' | 'identify';
  /** Milliseconds; default now. */
  readonly at?: number;
  readonly properties?: object;
}

export interface TestWorkspace {
  readonly id: string;
  readonly call: Call;
  /** Of a key that may see to webhooks. */
  readonly admin: Call;
  /** Of another of our services, which may activate. */
  readonly service: Call;
}

export interface TestModel {
  readonly id: string;
  readonly uri: string;
}

export interface Position {
  readonly horizon: number;
  readonly sequence: number;
}

/** Serving with real Postgres and Valkey under it, events as ingestion publishes them, and fakes around it. */
export class ServingHouse {
  private readonly signer = new PrincipalSigner(SECRET);
  private readonly replicas = new Set<ServingReplica>();

  private constructor(
    readonly platform: TestPlatform,
    readonly worker: FakeScoreWorker,
    readonly access: FakeAccess,
    readonly customersOutside: FakeCustomers,
    /** Statements each on a connection of its own: tests ask several at once. */
    readonly owner: Pool,
    readonly redis: Redis,
  ) {}

  static async open(): Promise<ServingHouse> {
    const [platform, fakeWorker, fakeAccess, fakeCustomers] = await Promise.all([
      startTestPlatform(), new FakeScoreWorker().start(), new FakeAccess().start(), new FakeCustomers().start(),
    ]);
    const owner = new Pool({ connectionString: platform.postgres.ownerUrl, max: 4 });
    // A test may stop Postgres under it.
    owner.on('error', () => undefined);
    for (const moment of ['2011-06-01', '2011-12-01']) await owner.query('select ingestion.ensure_event_partition($1)', [moment]);
    for (let month = -3; month < 2; month++) await owner.query(`select ingestion.ensure_event_partition(now() + make_interval(months => $1))`, [month]);
    return new ServingHouse(platform, fakeWorker, fakeAccess, fakeCustomers, owner, new Redis(platform.redisUrl));
  }

  async start(environment: Record<string, string> = {}): Promise<ServingReplica> {
    const [http, grpc] = [await freePort(), await freePort()];
    const service = await createService(servingDefinition({ ...this.environment(http, grpc), ...environment }));
    await service.start();
    const address = `127.0.0.1:${grpc}`;
    const clients = clientsAt(address);
    const replica: ServingReplica = {
      ...clients,
      address,
      http: `http://127.0.0.1:${http}`,
      stop: async () => {
        if (!this.replicas.delete(replica)) return;
        clients.close();
        await service.stop();
      },
    };
    this.replicas.add(replica);
    return replica;
  }

  /** What a replica is told that listens on these ports. */
  environment(http: number, grpc: number): Record<string, string> {
    return {
      HTTP_PORT: String(http),
      GRPC_PORT: String(grpc),
      PRINCIPAL_SECRET: SECRET,
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      DATABASE_URL: this.platform.databaseUrl,
      REDIS_URL: this.platform.redisUrl,
      ARTIFACT_URL: this.platform.artifactUrl,
      ACCESS_ADDRESS: this.access.server.address,
      INGESTION_ADDRESS: this.customersOutside.server.address,
      WORKER_SCORE_ADDRESS: this.worker.address,
    };
  }

  get running(): ServingReplica[] {
    return [...this.replicas];
  }

  async workspace(clock = access.Clock.LIVE): Promise<TestWorkspace> {
    const id = randomUUID();
    this.access.clocks.set(id, clock);
    const principal = await this.signer.sign({ workspaceId: id, actor: 'key:test', role: 'EDITOR' });
    const admin = await this.signer.sign({ workspaceId: id, actor: 'key:admin', role: 'ADMIN' });
    return { id, call: { principal }, admin: { principal: admin }, service: { principal: await this.signer.service('training', id) } };
  }

  /** Commits events as ingestion does, in one transaction; with a hint unless it is to get lost. */
  async track(workspaceId: string, events: readonly TestEvent[], { hint = true, client = this.owner }: { hint?: boolean; client?: Pick<Client, 'query'> | Pool } = {}): Promise<void> {
    await client.query(INSERT_EVENTS, [workspaceId, JSON.stringify(events.map(toRow))]);
    if (hint) await publishHint(this.redis, workspaceId);
  }

  /** Waits until the feed shows all that was tracked: it waits for whatever transaction is older, of whomever. */
  async untilShown(workspaceId: string): Promise<void> {
    const shows = () => this.owner.query<{ isSo: boolean }>('select max(horizon) < ingestion.safe_horizon() as "isSo" from ingestion.events where workspace_id = $1', [workspaceId]);
    await until(shows, ({ rows }) => rows[0]?.isSo === true);
  }

  /** A connection of its own, for a transaction that takes its time. */
  async connection(): Promise<Client> {
    const client = new Client({ connectionString: this.platform.postgres.ownerUrl });
    await client.connect();
    return client;
  }

  /** A customer that ingestion knows, with one subject of the same id. */
  async customer(workspaceId: string, id: string = randomUUID()): Promise<string> {
    await this.owner.query('insert into ingestion.subject_customers (workspace_id, subject_id, customer_id) values ($1, $2, $2)', [workspaceId, id]);
    return id;
  }

  async customers(workspaceId: string, count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID()).sort();
    await this.owner.query(
      'insert into ingestion.subject_customers (workspace_id, subject_id, customer_id) select $1, id, id from unnest($2::uuid[]) as id',
      [workspaceId, ids],
    );
    return ids;
  }

  /** A model's states of everyone as they stand now, in the way a run's backfill brings them. */
  async prepare(
    replica: Pick<ServingClients, 'activation'>,
    workspace: TestWorkspace,
    model: TestModel,
    change: Partial<serving.PrepareShadowRequest> = {},
  ): Promise<serving.PrepareShadowResponse[]> {
    const { position, request } = await this.backfill(workspace.id, model);
    const told: serving.PrepareShadowResponse[] = [];
    const responses = replica.activation.prepareShadow({ ...request, position, ...change }, workspace.service);
    for await (const response of responses) told.push(response);
    return told;
  }

  /** Writes customers.parquet from what the feed has; answers the request that goes with it. */
  async backfill(workspaceId: string, model: TestModel): Promise<{ position: Position; request: serving.PrepareShadowRequest }> {
    const { rows } = await this.owner.query<{ horizon: number; sequence: number; customer: string; name: string; at: number; properties: string }>(
      `select horizon::float8 as horizon, sequence::float8 as sequence, subject_id as customer, name,
         (extract(epoch from occurred_at) * 1000000)::float8 as at, properties::text as properties
       from ingestion.events where workspace_id = $1 order by occurred_at, sequence`,
      [workspaceId],
    );
    const last = rows.toSorted((a, b) => b.horizon - a.horizon || b.sequence - a.sequence)[0];
    const readAt = this.access.clocks.get(workspaceId) === access.Clock.DATA ? (rows.at(-1)?.at ?? 0) : Date.now() * 1_000;
    const lines = [...Map.groupBy(rows, ({ customer }) => customer)].map(([customer, events]) => {
      const result = readFake(model.uri, Buffer.alloc(0), events.map(({ name, at, properties }) => ({ name, occurredAt: at, properties: Buffer.from(properties) })), readAt);
      return {
        customer,
        state: Buffer.from(result.state).toString('hex'),
        embedding: Buffer.from(result.embedding).toString('hex'),
        segment_index: result.segmentIndex,
        finer_index: result.finerIndex ?? -1,
        strength: result.strength,
        novelty: result.novelty,
        map_x: result.mapX,
        map_y: result.mapY,
        read_at: readAt,
        events: events.length,
        first_event_at: events[0]?.at,
        last_event_at: events.at(-1)?.at,
        forecast: FORESEEN.map(({ event, horizonDays }, index) => ({ event, horizon_days: horizonDays, probability: result.packedForecast.readFloatLE(index * 8), expected_value: result.packedForecast.readFloatLE(index * 8 + 4) })),
      };
    });
    const folder = join(fileURLToPath(this.platform.artifactUrl), workspaceId, 'models', model.id);
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'customers.parquet');
    await writeParquet(file, lines);
    return {
      position: { horizon: last?.horizon ?? 0, sequence: last?.sequence ?? 0 },
      request: {
        modelId: model.id,
        modelUri: model.uri,
        modelHash: `hash of ${model.id}`,
        customersUri: pathToFileURL(file).href,
        customersSha256: createHash('sha256').update(await readFile(file)).digest('hex'),
        position: undefined,
        segments: model.uri.endsWith('family') ? family() : SEGMENTS.map((name, index) => segment(index, name)),
        retiredChampionIndexes: [],
        championModelId: '',
        ordinaryNovelty: undefined,
        catchUpSeconds: 0,
      },
    };
  }

  async close(): Promise<void> {
    for (const replica of this.running) await replica.stop().catch(() => undefined);
    this.worker.kill();
    this.access.server.kill();
    this.customersOutside.server.kill();
    this.redis.disconnect();
    await this.owner.end();
    await this.platform.close();
  }
}

const DAY_MS = 86_400_000;
/** So many of one customer, one after the other; a day ago, unless it is said when. */
export const orders = (customerId: string, howMany: number, at = Date.now() - DAY_MS): TestEvent[] =>
  Array.from({ length: howMany }, (_, index) => ({ customerId, name: 'Order Completed', at: at + index }));

export const model = (kind: 'plain' | 'window' | 'swapped' | 'missing' | 'family' | 'folded' = 'plain'): TestModel => ({ id: randomUUID(), uri: `file:///models/${kind}` });

export const segment = (index: number, name: string, overlaps: worker.SegmentOverlap[] = []): worker.DiscoveredSegment => ({
  index, name, description: `${name}, in words`, size: 1, share: 0.1, stability: 0.9, typicalCustomerIds: [], overlaps, level: worker.SegmentLevel.MAIN, rule: undefined,
  traits: [{ key: 'orders', label: name, lift: 2, effect: 1, segmentValue: 2, restValue: 1, unit: '' }],
});

/** What the fake's `family` models draw: two of the three make up "Here", and one of those two has parts. */
export const family = (): worker.DiscoveredSegment[] => [
  ...SEGMENTS.map((name, index) => ({ ...segment(index, name), ...(index === QUIET ? {} : { parentIndex: HERE }) })),
  { ...segment(HERE, 'Here'), level: worker.SegmentLevel.COARSER },
  ...[SOME, LOTS].map((index) => ({ ...segment(index, index === SOME ? 'Some orders' : 'Lots of orders'), level: worker.SegmentLevel.FINER, parentIndex: MANY })),
];

/** A page of the members of one segment, or of whom a model places there. */
export async function membersOf(
  { segments }: Pick<ServingClients, 'segments'>,
  { call }: TestWorkspace,
  segmentId: string,
  { modelId = '', first = 100, after = '', order = serving.MemberOrder.UNSPECIFIED }: Partial<feed.PageRequest & { modelId: string; order: serving.MemberOrder }> = {},
): Promise<serving.SegmentMembers & { asOf: string | undefined }> {
  const { segments: [found], asOf } = await segments.listMembersOfSegments({ segmentIds: [segmentId], modelId, page: { first, after }, order }, call);
  if (!found) throw new Error(`nothing was said of segment ${segmentId}`);
  return { ...found, asOf };
}

/** Who is like one customer. */
export async function similarTo({ similarity }: Pick<ServingClients, 'similarity'>, { call }: TestWorkspace, customerId: string, first: number): Promise<similar.SimilarCustomer[]> {
  const { customers: [found] } = await similarity.listSimilarToCustomers({ customerIds: [customerId], first }, call);
  return found?.neighbours ?? [];
}

/** Looks until something is so; what it last saw is told when it never is. */
export async function until<T>(look: () => Promise<T>, isSo: (seen: T) => boolean, withinMs = 30_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`it never came to be; last seen: ${JSON.stringify(seen)}`);
    await wait(5);
  }
}

const INSERT_EVENTS = `insert into ingestion.events (workspace_id, occurred_at, id, subject_id, type, name, message_id, received_at, properties)
  select $1, r.at, gen_random_uuid(), r.customer, r.type, r.name, gen_random_uuid()::text, clock_timestamp(), r.properties
  from json_to_recordset($2::json) as r(at timestamptz, customer uuid, type text, name text, properties jsonb)`;

function toRow({ customerId, name = 'Product Viewed', type = 'track', at = Date.now(), properties = {} }: TestEvent) {
  return { at: new Date(at).toISOString(), customer: customerId, type, name, properties };
}

async function writeParquet(file: string, lines: readonly object[]): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT r.customer, unhex(r.state) AS state, unhex(r.embedding) AS embedding, r.segment_index, r.finer_index, r.strength, r.novelty, r.map_x, r.map_y,
       make_timestamptz(r.read_at) AS read_at, r.events, make_timestamptz(r.first_event_at) AS first_event_at,
       make_timestamptz(r.last_event_at) AS last_event_at, r.forecast
     FROM (SELECT unnest(from_json($lines::JSON, '[{"customer":"VARCHAR","state":"VARCHAR","embedding":"VARCHAR","segment_index":"INTEGER","finer_index":"INTEGER",
       "strength":"DOUBLE","novelty":"DOUBLE","map_x":"FLOAT","map_y":"FLOAT","read_at":"BIGINT","events":"BIGINT","first_event_at":"BIGINT",
       "last_event_at":"BIGINT","forecast":[{"event":"VARCHAR","horizon_days":"DOUBLE","probability":"DOUBLE","expected_value":"DOUBLE"}]}]')) AS r)
    ) TO '${file}' (FORMAT parquet)`,
    { lines: JSON.stringify(lines) },
  );
  connection.closeSync();
  instance.closeSync();
}
