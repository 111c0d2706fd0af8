import { randomUUID } from 'node:crypto';

import { PrincipalSigner } from '#libs/auth';
import { loadConfig } from '#libs/config';
import { access } from '#libs/contracts';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { connect, type RpcClient } from '#libs/grpc';
import { createService, type Service } from '#libs/service';

import { AccessModule } from '../../apps/access/src/access.module.js';
import { accessShape } from '../../apps/access/src/config.js';
import { ingestionService } from '../../apps/ingestion/src/ingestion.service-definition.js';
import { until } from '../e2e/ready.js';

/** Access and ingestion as they stand beside each other: a key's life, as a sender meets it. */
const SECRET = 'a secret that only these tests know of';
const LIMIT = 500;
const signer = new PrincipalSigner(SECRET);

let platform: TestPlatform;
let services: Service[];
let client: RpcClient<typeof access.AccessServiceService>;
let intake: string;
let admin: { principal: string };

beforeAll(async () => {
  platform = await startTestPlatform();
  const [accessHttp, accessGrpc, http, grpc] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const shared = { LOG_LEVEL: 'silent', PRINCIPAL_SECRET: SECRET, DATABASE_URL: platform.databaseUrl };
  const accessEnvironment = { ...shared, HTTP_PORT: String(accessHttp), GRPC_PORT: String(accessGrpc) };
  const accessService = await createService({ name: 'access', config: () => loadConfig(accessShape, accessEnvironment), module: AccessModule, services: [access.AccessServiceService] });
  await accessService.start();
  Object.assign(process.env, shared, {
    HTTP_PORT: String(http), GRPC_PORT: String(grpc), ACCESS_ADDRESS: `127.0.0.1:${accessGrpc}`,
    // Asked only where a person is erased.
    SERVING_ADDRESS: '127.0.0.1:1', TRAINING_ADDRESS: '127.0.0.1:1', REDIS_URL: platform.redisUrl, ARTIFACT_URL: platform.artifactUrl,
    INTAKE_KEY_EVENTS_PER_SECOND: String(LIMIT),
  });
  const ingestion = await createService(ingestionService);
  await ingestion.start();
  services = [ingestion, accessService];
  intake = `http://127.0.0.1:${http}`;
  client = connect(access.AccessServiceService, `127.0.0.1:${accessGrpc}`);
  const request = { slug: 'keys', name: 'Keys', settings: undefined, adminKey: '', writeKey: '' };
  const { workspace } = await client.bootstrapWorkspace(request, { principal: await signer.service('operator') });
  admin = { principal: await signer.sign({ workspaceId: workspace?.id ?? '', actor: 'key:test', role: 'ADMIN' }) };
}, 120_000);
afterAll(async () => {
  client?.close();
  for (const service of services ?? []) await service.stop();
  await platform?.close();
});

const post = (key: string, events: number) => {
  const batch = Array.from({ length: events }, () => ({ type: 'track', event: 'Seen', userId: 'u', messageId: randomUUID() }));
  return fetch(`${intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: JSON.stringify({ batch }) });
};
const statusOf = async (key: string, events = 1) => (await post(key, events)).status;
/** A new key, once the intake knows it. */
async function keyNamed(name: string, role = access.Role.INTAKE): Promise<{ id: string; secret: string }> {
  const { key, secret } = await client.createKey({ name, role, expiresAt: undefined }, admin);
  await until(() => statusOf(secret, 0), (status) => status !== 401);
  return { id: key?.id ?? '', secret };
}

test('a key is replaced without a gap: both live until the old one is revoked, which then ends within five seconds', async () => {
  const [old, next] = [await keyNamed('Shop'), await keyNamed('Shop, new')];
  expect([await statusOf(old.secret), await statusOf(next.secret)]).toEqual([200, 200]);
  await client.revokeKey({ id: old.id }, admin);
  const revokedAt = Date.now();
  const { code } = await until(async () => (await (await post(old.secret, 1)).json()) as { code?: string }, (answer) => answer.code !== undefined, 5_000);
  expect(Date.now() - revokedAt).toBeLessThan(5_000);
  expect([code, await statusOf(next.secret)]).toEqual(['unknown_key', 200]);
});

test('a key is rotated under load: no request between the old secret and the new is refused, until the overlap ends', async () => {
  const { id, secret: old } = await keyNamed('Rotated');
  const { key, secret } = await client.rotateKey({ id, overlapSeconds: 3 }, admin);
  const ends = Date.parse(key?.previousSecretUntil ?? '');
  await until(() => statusOf(secret, 0), (status) => status === 200);
  const seen: number[] = [];
  await until(async () => [await statusOf(old, 0), Date.now()] as const, ([status, at]) => seen.push(status) > 0 && (status !== 200 || at > ends + 5_000));
  expect([seen.slice(0, -1).every((status) => status === 200), seen.at(-1)]).toEqual([true, 401]);
  expect(Date.now()).toBeGreaterThanOrEqual(ends);
  expect(await statusOf(secret)).toBe(200);
});

test('a key with an end lives until then and no longer', async () => {
  const expiresAt = new Date(Date.now() + 2_000).toISOString();
  const { secret } = await client.createKey({ name: 'Short', role: access.Role.INTAKE, expiresAt }, admin);
  await until(() => statusOf(secret, 0), (status) => status === 200);
  await until(() => statusOf(secret, 0), (status) => status === 401);
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
});

test('a key that sends more than it may gets 429 and a time to come again, and other keys go on', async () => {
  const [wild, calm] = [await keyNamed('Wild'), await keyNamed('Calm')];
  const answers = await Promise.all(Array.from({ length: 5 }, () => post(wild.secret, LIMIT / 2)));
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThanOrEqual(1);
  for (const answer of refused) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await answer.json()).toMatchObject({ success: false, code: 'rate_limited' });
  }
  expect(await statusOf(calm.secret)).toBe(200);
  await until(() => statusOf(wild.secret), (status) => status === 200);
});

test('keys are told apart without asking the database: with Postgres away each still gets its own answer', async () => {
  const [sender, viewer] = [await keyNamed('Sender'), await keyNamed('Viewer', access.Role.VIEWER)];
  platform.postgres.kill('SIGKILL');
  await platform.postgres.ended;
  // An empty batch has nothing to store, so that the key alone decides.
  expect([await statusOf(sender.secret, 0), await statusOf(viewer.secret, 0), await statusOf('kw_nobody', 0)]).toEqual([200, 403, 401]);
  expect(await statusOf(sender.secret, 1)).toBe(503);
});
