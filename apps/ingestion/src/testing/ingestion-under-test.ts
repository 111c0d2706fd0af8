import { Client } from 'pg';

import { PrincipalSigner } from '#libs/auth';
import { access, type feed, identity, ingestion, intake, person, quarantine, retention, trackingPlan } from '#libs/contracts';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { connect, type RpcClient } from '#libs/grpc';
import { createService, type Service } from '#libs/service';

import { ingestionService } from '../ingestion.service-definition.js';
import { type AccessStandIn, startAccessStandIn } from './access-stand-in.js';

/** Nothing listens there: what asks other services needs stand-ins of its own. */
const NOBODY = '127.0.0.1:1';
export const SECRET = 'a secret of the tests, long enough to sign';

export const WORKSPACE = '018f0000-0000-7000-8000-000000000001';
export const OTHER_WORKSPACE = '018f0000-0000-7000-8000-000000000002';
export const WRITE_KEY = 'kw_test';
export const OTHER_WRITE_KEY = 'kw_other';
export const VIEWER_KEY = 'kv_test';

/** The whole service on real Postgres and Valkey; access is a stand-in. */
export interface IngestionUnderTest {
  readonly platform: TestPlatform;
  readonly access: AccessStandIn;
  readonly intake: string;
  /** Of the gRPC server. */
  readonly grpc: string;
  readonly streams: RpcClient<typeof intake.IntakeServiceService>;
  readonly events: RpcClient<typeof ingestion.EventServiceService>;
  readonly customers: RpcClient<typeof ingestion.CustomerServiceService>;
  readonly imports: RpcClient<typeof ingestion.ImportServiceService>;
  readonly snapshots: RpcClient<typeof ingestion.SnapshotServiceService>;
  readonly quarantine: RpcClient<typeof quarantine.QuarantineServiceService>;
  readonly plans: RpcClient<typeof trackingPlan.TrackingPlanServiceService>;
  readonly persons: RpcClient<typeof person.PersonServiceService>;
  readonly retention: RpcClient<typeof retention.RetentionServiceService>;
  readonly identity: RpcClient<typeof identity.IdentityServiceService>;
  /** Signed, an admin of WORKSPACE. */
  readonly principal: string;
  /** A page of the events of one customer of WORKSPACE. */
  eventsOf(customerId: string | undefined, page?: feed.PageRequest): Promise<ingestion.CustomerEvents>;
  /** As the owner, past row-level security. */
  readonly sql: Client;
  close(): Promise<void>;
}

export async function startIngestion(environment: Record<string, string> = {}): Promise<IngestionUnderTest> {
  const platform = await startTestPlatform();
  const standIn = await startAccessStandIn([
    { key: WRITE_KEY, workspaceId: WORKSPACE, role: access.Role.INTAKE },
    { key: OTHER_WRITE_KEY, workspaceId: OTHER_WORKSPACE, role: access.Role.INTAKE },
    { key: VIEWER_KEY, workspaceId: WORKSPACE, role: access.Role.VIEWER },
  ]);
  const [http, grpc] = [await freePort(), await freePort()];
  const service = await start({
    HTTP_PORT: http, GRPC_PORT: grpc, LOG_LEVEL: 'silent', PRINCIPAL_SECRET: SECRET, ACCESS_ADDRESS: standIn.address,
    DATABASE_URL: platform.databaseUrl, REDIS_URL: platform.redisUrl, ARTIFACT_URL: platform.artifactUrl,
    SERVING_ADDRESS: NOBODY, TRAINING_ADDRESS: NOBODY, ...environment,
  });
  const sql = new Client({ connectionString: platform.postgres.ownerUrl });
  await sql.connect();
  sql.on('error', () => undefined);
  const clients = {
    streams: connect(intake.IntakeServiceService, `127.0.0.1:${grpc}`),
    events: connect(ingestion.EventServiceService, `127.0.0.1:${grpc}`),
    customers: connect(ingestion.CustomerServiceService, `127.0.0.1:${grpc}`),
    imports: connect(ingestion.ImportServiceService, `127.0.0.1:${grpc}`),
    snapshots: connect(ingestion.SnapshotServiceService, `127.0.0.1:${grpc}`),
    quarantine: connect(quarantine.QuarantineServiceService, `127.0.0.1:${grpc}`),
    plans: connect(trackingPlan.TrackingPlanServiceService, `127.0.0.1:${grpc}`),
    persons: connect(person.PersonServiceService, `127.0.0.1:${grpc}`),
    retention: connect(retention.RetentionServiceService, `127.0.0.1:${grpc}`),
    identity: connect(identity.IdentityServiceService, `127.0.0.1:${grpc}`),
  };
  const principal = await new PrincipalSigner(SECRET).sign({ workspaceId: WORKSPACE, actor: 'key:test', role: 'ADMIN' });
  let closed: Promise<void> | undefined;
  const close = async () => {
    for (const client of Object.values(clients)) client.close();
    await sql.end();
    await service.stop();
    standIn.close();
    await platform.close();
  };
  return {
    platform,
    access: standIn,
    intake: `http://127.0.0.1:${http}`,
    grpc: `127.0.0.1:${grpc}`,
    ...clients,
    principal,
    eventsOf: async (customerId = '', page) => {
      const { customers: [found] } = await clients.events.listEventsOfCustomers({ customerIds: [customerId], page, withTotal: true }, { principal });
      if (!found) throw new Error(`nobody knows customer ${customerId}`);
      return found;
    },
    sql,
    close: () => (closed ??= close()),
  };
}

/** The configuration is read from the environment, as it is in production. */
async function start(environment: Record<string, string | number>): Promise<Service> {
  Object.assign(process.env, Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)])));
  const service = await createService(ingestionService);
  await service.start();
  return service;
}
