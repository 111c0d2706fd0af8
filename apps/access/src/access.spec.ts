import { once } from 'node:events';

import { hashKey, KeyRing, PrincipalSigner } from '#libs/auth';
import { access } from '#libs/contracts';
import { loadConfig } from '#libs/config';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { connect, type RpcClient, status } from '#libs/grpc';
import { createService, type Service } from '#libs/service';
import { openDatabase } from '#libs/database';
import { startTelemetry } from '#libs/telemetry';

import { AccessModule } from './access.module.js';
import { accessShape } from './config.js';

const SECRET = 'a secret of the tests, long enough to sign';
const signer = new PrincipalSigner(SECRET);
const { log } = startTelemetry('test', 'silent');

let platform: TestPlatform;
let services: Service[];
let addresses: string[];
let client: RpcClient<typeof access.AccessServiceService>;
let operator: string;

/** Two replicas over one database. */
beforeAll(async () => {
  platform = await startTestPlatform();
  services = [];
  addresses = [];
  for (let replica = 0; replica < 2; replica++) {
    const [http, grpc] = [await freePort(), await freePort()];
    const environment = { HTTP_PORT: String(http), GRPC_PORT: String(grpc), LOG_LEVEL: 'silent', PRINCIPAL_SECRET: SECRET, DATABASE_URL: platform.databaseUrl };
    const service = await createService({
      name: 'access',
      config: () => loadConfig(accessShape, environment),
      module: AccessModule,
      services: [access.AccessServiceService],
    });
    await service.start();
    services.push(service);
    addresses.push(`127.0.0.1:${grpc}`);
  }
  client = connect(access.AccessServiceService, addresses[0] ?? '');
  operator = await signer.service('operator');
});

afterAll(async () => {
  client.close();
  await Promise.all(services.map((service) => service.stop()));
  await platform.close();
});

async function workspaceNamed(slug: string) {
  const answer = await client.bootstrapWorkspace({ slug, name: slug, settings: undefined, adminKey: '', writeKey: '' }, { principal: operator });
  const id = answer.workspace?.id ?? '';
  const as = (role: 'INTAKE' | 'VIEWER' | 'EDITOR' | 'ADMIN') => signer.sign({ workspaceId: id, actor: 'key:test', role });
  return { ...answer, id, admin: await as('ADMIN'), viewer: await as('VIEWER'), as };
}

test('a workspace begins once: the second call finds it and hands out no keys', async () => {
  const [one, two] = await Promise.all([workspaceNamed('shop'), workspaceNamed('shop')]);
  expect(one.id).toBe(two.id);
  expect([one.created, two.created].filter(Boolean)).toHaveLength(1);
  const created = one.created ? one : two;
  expect(created.adminKey).toMatch(/^ka_/);
  expect(created.writeKey).toMatch(/^kw_/);
  const third = await workspaceNamed('shop');
  expect(third).toMatchObject({ created: false, adminKey: '', writeKey: '', id: one.id });
});

test('keys that the operator chose open the workspace, and short ones are refused', async () => {
  const request = { slug: 'chosen', name: 'Chosen', settings: undefined, adminKey: 'ka_chosen-by-the-operator', writeKey: 'short' };
  await expect(client.bootstrapWorkspace(request, { principal: operator })).rejects.toMatchObject({ reason: 'KEY_INVALID' });
  const answer = await client.bootstrapWorkspace({ ...request, writeKey: '' }, { principal: operator });
  expect(answer).toMatchObject({ created: true, adminKey: 'ka_chosen-by-the-operator' });
});

test('only services may begin, list or watch', async () => {
  const { admin } = await workspaceNamed('shop');
  await expect(client.listWorkspaces({ page: undefined }, { principal: admin })).rejects.toMatchObject({ status: status.PERMISSION_DENIED });
  await expect(client.listWorkspaces({ page: undefined })).rejects.toMatchObject({ status: status.UNAUTHENTICATED });
  await expect(client.recordAudit({ entry: undefined }, { principal: admin })).rejects.toMatchObject({ status: status.PERMISSION_DENIED });
});

test('every workspace is listed, page by page', async () => {
  for (const slug of ['list-1', 'list-2', 'list-3']) await workspaceNamed(slug);
  const slugs: string[] = [];
  let page = await client.listWorkspaces({ page: { first: 2, after: '' } }, { principal: operator });
  slugs.push(...page.workspaces.map(({ slug }) => slug));
  while (page.pageInfo?.hasNextPage) {
    page = await client.listWorkspaces({ page: { first: 2, after: page.pageInfo.endCursor } }, { principal: operator });
    slugs.push(...page.workspaces.map(({ slug }) => slug));
  }
  expect(page.pageInfo?.totalCount).toBe(slugs.length);
  expect(slugs).toEqual(expect.arrayContaining(['list-1', 'list-2', 'list-3']));
  expect(new Set(slugs).size).toBe(slugs.length);
  await expect(client.listWorkspaces({ page: { first: 501, after: '' } }, { principal: operator })).rejects.toMatchObject({ reason: 'PAGE_TOO_LARGE' });
  await expect(client.listWorkspaces({ page: { first: 5, after: 'x' } }, { principal: operator })).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
});

test('a change of settings makes a new version, and a stale one is refused', async () => {
  const { admin, viewer, workspace } = await workspaceNamed('settings');
  expect(workspace?.settings).toMatchObject({ version: 1, clock: access.Clock.LIVE, timezone: 'UTC', guessed: expect.arrayContaining(['clock']) });
  const settings = { version: 0, clock: access.Clock.DATA, timezone: 'Europe/London', currency: 'GBP', mainEvents: ['Order Completed'], valueProperty: 'revenue', guessed: ['main_events'] };
  const changed = await client.updateWorkspaceSettings({ settings, expectedVersion: 1 }, { principal: admin });
  expect(changed.workspace?.settings).toEqual({ ...settings, version: 2, guessed: ['mainEvents'] });
  await expect(client.updateWorkspaceSettings({ settings, expectedVersion: 1 }, { principal: admin })).rejects.toMatchObject({
    status: status.ABORTED,
    reason: 'STALE_VERSION',
    metadata: { version: '2' },
  });
  await expect(client.updateWorkspaceSettings({ settings, expectedVersion: 0 }, { principal: viewer })).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  expect((await client.getWorkspace({}, { principal: viewer })).workspace?.settings?.version).toBe(2);
});

test('settings without a meaning are refused by name', async () => {
  const { admin, workspace } = await workspaceNamed('settings-bad');
  const settings = workspace?.settings;
  if (!settings) throw new Error('a workspace has settings');
  for (const wrong of [{ timezone: 'Mars/Olympus' }, { currency: 'pounds' }, { guessed: ['colour'] }, { mainEvents: [''] }]) {
    await expect(client.updateWorkspaceSettings({ settings: { ...settings, ...wrong }, expectedVersion: 0 }, { principal: admin })).rejects.toMatchObject({
      reason: 'SETTINGS_INVALID',
      metadata: { field: Object.keys(wrong)[0] },
    });
  }
});

test('a key opens everywhere as soon as it is made and nowhere once it is revoked, across replicas', async () => {
  const { admin, id } = await workspaceNamed('keys');
  const rings = addresses.map((address) => new KeyRing('gateway', address, signer, log));
  try {
    await Promise.all(rings.map((ring) => ring.ready));
    const { key, secret } = await client.createKey({ name: 'Reports', role: access.Role.VIEWER, expiresAt: undefined }, { principal: admin });
    const expected = { workspaceId: id, role: 'VIEWER', actor: `key:${key?.id}` };
    for (const ring of rings) await until(() => ring.identify(secret) !== undefined);
    expect(rings.map((ring) => ring.identify(secret))).toEqual([expected, expected]);

    await client.revokeKey({ id: key?.id ?? '' }, { principal: admin });
    const revokedAt = Date.now();
    for (const ring of rings) await until(() => ring.identify(secret) === undefined);
    expect(Date.now() - revokedAt).toBeLessThan(5_000);
  } finally {
    for (const ring of rings) ring.close();
  }
});

test('a rotated key has two secrets until the overlap ends; rotated again, the oldest ends at once, and revoked, all end', async () => {
  const { admin } = await workspaceNamed('rotation');
  const rings = addresses.map((address) => new KeyRing('gateway', address, signer, log));
  const isKnownEverywhere = (secret: string) => rings.every((ring) => ring.identify(secret) !== undefined);
  const isKnownNowhere = (secret: string) => rings.every((ring) => ring.identify(secret) === undefined);
  const rotate = (id: string, overlapSeconds: number) => client.rotateKey({ id, overlapSeconds }, { principal: admin });
  try {
    const made = await client.createKey({ name: 'Shop', role: access.Role.INTAKE, expiresAt: undefined }, { principal: admin });
    const id = made.key?.id ?? '';
    const second = await rotate(id, 3_600);
    expect(second.key).toMatchObject({ id, name: 'Shop', prefix: second.secret.slice(0, 8) });
    await until(() => isKnownEverywhere(second.secret) && isKnownEverywhere(made.secret));
    expect(rings[1]?.identify(made.secret)).toEqual(rings[1]?.identify(second.secret));

    const third = await rotate(id, 2);
    const ends = Date.parse(third.key?.previousSecretUntil ?? '');
    await until(() => isKnownEverywhere(third.secret) && isKnownNowhere(made.secret));
    await until(() => isKnownNowhere(second.secret));
    expect(Date.now()).toBeGreaterThanOrEqual(ends);
    const { keys } = await client.listKeys({ page: undefined }, { principal: admin });
    expect(keys.find((key) => key.id === id)?.previousSecretUntil).toBeUndefined();

    const fourth = await rotate(id, 3_600);
    await until(() => isKnownEverywhere(fourth.secret));
    await client.revokeKey({ id }, { principal: admin });
    await until(() => isKnownNowhere(fourth.secret) && isKnownNowhere(third.secret));
    await expect(rotate(id, 0)).rejects.toMatchObject({ reason: 'KEY_ENDED' });
    await expect(rotate(id, 2_592_001)).rejects.toMatchObject({ reason: 'KEY_INVALID' });
    await expect(rotate('nonsense', 0)).rejects.toMatchObject({ reason: 'KEY_UNKNOWN' });
  } finally {
    for (const ring of rings) ring.close();
  }
});

test('a watcher that comes late gets every live key and no revoked one', async () => {
  const { admin, adminKey } = await workspaceNamed('watch');
  const { key, secret } = await client.createKey({ name: 'Gone', role: access.Role.EDITOR, expiresAt: undefined }, { principal: admin });
  await client.revokeKey({ id: key?.id ?? '' }, { principal: admin });
  const abort = new AbortController();
  for await (const update of client.watchKeys({}, { principal: operator, signal: abort.signal })) {
    const digests = update.keys.map(({ digest }) => Buffer.from(digest).toString('hex'));
    expect(update.snapshot).toBe(true);
    expect(digests).toContain(hashKey(adminKey).toString('hex'));
    expect(digests).not.toContain(hashKey(secret).toString('hex'));
    break;
  }
  abort.abort();
});

test('two live keys of a workspace cannot have one name; after a revocation the name is free', async () => {
  const { admin } = await workspaceNamed('names');
  const request = { name: 'Nightly', role: access.Role.VIEWER, expiresAt: undefined };
  const { key } = await client.createKey(request, { principal: admin });
  await expect(client.createKey({ ...request, name: 'nightly' }, { principal: admin })).rejects.toMatchObject({ status: status.ALREADY_EXISTS, reason: 'NAME_TAKEN' });
  await client.revokeKey({ id: key?.id ?? '' }, { principal: admin });
  await client.createKey(request, { principal: admin });
  const { keys } = await client.listKeys({ page: undefined }, { principal: admin });
  expect(keys.map(({ name, revokedAt }) => [name, revokedAt !== undefined]).slice(0, 2)).toEqual([['Nightly', false], ['Nightly', true]]);
});

test('a key of another workspace does not exist here', async () => {
  const [mine, theirs] = [await workspaceNamed('mine'), await workspaceNamed('theirs')];
  const { key } = await client.createKey({ name: 'Theirs', role: access.Role.VIEWER, expiresAt: undefined }, { principal: theirs.admin });
  await expect(client.revokeKey({ id: key?.id ?? '' }, { principal: mine.admin })).rejects.toMatchObject({ reason: 'KEY_UNKNOWN' });
  await expect(client.revokeKey({ id: "'; drop" }, { principal: mine.admin })).rejects.toMatchObject({ reason: 'KEY_UNKNOWN' });
  const { keys } = await client.listKeys({ page: undefined }, { principal: mine.admin });
  expect(keys.map(({ name }) => name)).not.toContain('Theirs');
});

const ANY = { page: { first: 10, after: '' }, actor: '', action: '', from: undefined, to: undefined };

test('the audit trail is told by who, what and when, and counts what fits', async () => {
  const { id, admin } = await workspaceNamed('filtered');
  const gateway = await signer.service('gateway', id);
  for (const [actor, action] of [['key:1', 'startTrainingRun'], ['key:2', 'startTrainingRun'], ['key:1', 'promoteModel'], ['key:1', 'startTrainingRun']] as const) {
    await client.recordAudit({ entry: { id: '', at: undefined, actor, action, target: '', details: '{}', outcome: 'OK' } }, { principal: gateway });
  }
  const told = async (filter: Partial<access.ListAuditRequest>) => {
    const { entries, pageInfo } = await client.listAudit({ ...ANY, ...filter }, { principal: admin });
    return { entries, total: pageInfo?.totalCount, next: pageInfo?.endCursor ?? '' };
  };
  const { entries: all } = await told({});
  expect(all.map(({ actor, action }) => `${actor} ${action}`)).toEqual(['key:1 startTrainingRun', 'key:1 promoteModel', 'key:2 startTrainingRun', 'key:1 startTrainingRun']);
  const own = await told({ actor: 'key:1', action: 'startTrainingRun', page: { first: 1, after: '' } });
  expect(own).toMatchObject({ entries: [{ id: all[0]?.id }], total: 2 });
  expect(await told({ actor: 'key:1', action: 'startTrainingRun', page: { first: 1, after: own.next } })).toMatchObject({ entries: [{ id: all[3]?.id }], total: 2 });
  expect(await told({ from: all[1]?.at })).toMatchObject({ entries: [{ id: all[0]?.id }, { id: all[1]?.id }], total: 2 });
  expect(await told({ to: all[1]?.at })).toMatchObject({ entries: [{ id: all[2]?.id }, { id: all[3]?.id }], total: 2 });
});

test('the audit trail keeps what it is told, newest first, and cannot be changed', async () => {
  const { id, admin, viewer } = await workspaceNamed('audit');
  const gateway = await signer.service('gateway', id);
  const entry = { id: '', at: undefined, actor: 'key:1', target: 'Run:1', details: '{"seed":7}', outcome: 'OK' };
  await client.recordAudit({ entry: { ...entry, action: 'startTrainingRun' } }, { principal: gateway });
  await client.recordAudit({ entry: { ...entry, action: 'cancelTrainingRun', target: 'nul\0' } }, { principal: gateway });
  const { entries, pageInfo } = await client.listAudit({ ...ANY, page: { first: 1, after: '' } }, { principal: admin });
  expect(entries).toMatchObject([{ action: 'cancelTrainingRun', target: 'nul\u{FFFD}' }]);
  const rest = await client.listAudit({ ...ANY, page: { first: 5, after: pageInfo?.endCursor ?? '' } }, { principal: admin });
  expect(rest.entries).toMatchObject([{ action: 'startTrainingRun', actor: 'key:1', details: '{"seed":7}', outcome: 'OK' }]);
  await expect(client.listAudit({ ...ANY, page: undefined }, { principal: viewer })).rejects.toMatchObject({ reason: 'FORBIDDEN' });

  const database = openDatabase({ url: platform.databaseUrl, service: 'access' });
  try {
    await expect(database.pool.query("update access.audit_entries set outcome = 'x'")).rejects.toThrow(/permission denied/);
    await expect(database.pool.query('delete from access.audit_entries')).rejects.toThrow(/permission denied/);
  } finally {
    await database.close();
  }
});

async function until(holds: () => boolean): Promise<void> {
  // The condition is another process's news; there is no event to wait for but the next turn of the loop.
  while (!holds()) await once(AbortSignal.timeout(20), 'abort');
}
