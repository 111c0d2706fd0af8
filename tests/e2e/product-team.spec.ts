// docs/product-team.md, step by step and to the letter.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { execa } from 'execa';

import { api, post, ready, until } from './ready.ts';

type Script = ChildProcessByStdio<null, Readable, Readable>;

let folder: string;
let key: string;
const running: Script[] = [];

beforeAll(async () => {
  // Below the project, so that the packages which a reader would install are found.
  await mkdir('.kindred', { recursive: true });
  folder = await mkdtemp(resolve('.kindred', 'product-team-'));
  const page = await readFile('docs/product-team.md', 'utf8');
  for (const [, name = '', code = ''] of page.matchAll(/^```js (\S+)\n([\s\S]*?)^```$/gm)) await writeFile(join(folder, name), code);
});
afterAll(async () => {
  for (const script of running) script.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const environment = (more: Record<string, string> = {}) => ({ KINDRED_URL: ready().graphql, KINDRED_ADMIN_KEY: ready().adminKey, KINDRED_KEY: key ?? '', ...more });
const run = async (name: string, more?: Record<string, string>) => (await execa(process.execPath, [join(folder, name)], { env: environment(more) })).stdout;

/** A script that listens; its lines come one by one. */
async function listening(name: string, more?: Record<string, string>): Promise<() => Promise<string>> {
  const script = spawn(process.execPath, [join(folder, name)], { env: { ...process.env, ...environment({ ONE_IS_ENOUGH: '1', ...more }) }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(script);
  const complaints: Buffer[] = [];
  script.stderr.on('data', (piece: Buffer) => complaints.push(piece));
  const lines = createInterface({ input: script.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value } = (await lines.next()) as { value: string | undefined };
    if (value === undefined) throw new Error(`${name} ended: ${Buffer.concat(complaints).toString()}`);
    return value;
  };
  expect(await next()).toBe('listening');
  return next;
}

async function order(userId: string): Promise<void> {
  const event = { type: 'track', event: 'Order Completed', userId, messageId: randomUUID(), timestamp: new Date().toISOString(), properties: { revenue: 80 } };
  expect((await post('/v1/batch', { batch: [event] })).status).toBe(200);
}

test('a key is made, reads, and may do nothing else', async () => {
  key = await run('key.mjs');
  expect(key.length).toBeGreaterThan(20);
  await expect(execa(process.execPath, [join(folder, 'key.mjs')], { env: environment({ KINDRED_ADMIN_KEY: key }) })).rejects.toThrow(/ADMIN/);
});

test('the first query answers for somebody known and for nobody', async () => {
  expect(await run('query.mjs', { USER_ID: randomUUID() })).toBe('null');
  const known = JSON.parse(await run('query.mjs', { USER_ID: 'shopper-000042' })) as { isScored: boolean };
  expect(known.isScored).toBe(true);
});

test('a subscription tells of a newcomer', async () => {
  const next = await listening('subscribe.mjs');
  const userId = `told-${randomUUID()}`;
  // The socket opens behind the first line; what is sent until then would not be told of.
  const sending = setInterval(() => void order(`${userId}-${Date.now()}`), 500);
  const change = JSON.parse(await next()) as { cursor: string; customer: { userId: string } };
  clearInterval(sending);
  expect(change.customer.userId).toMatch(userId);
}, 30_000);

test('a subscription that is cut off goes on behind the last change, and misses none', async () => {
  const gateway = new URL(ready().graphql);
  const open = new Set<Socket>();
  let isDown = false;
  const line = createServer((near) => {
    if (isDown) return void near.destroy();
    const far = connect(Number(gateway.port), gateway.hostname);
    for (const [one, other] of [[near, far], [far, near]] as const) open.add(one.on('error', () => undefined).on('close', () => other.destroy()));
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  const next = await listening('subscribe.mjs', { ONE_IS_ENOUGH: '', KINDRED_URL: `http://127.0.0.1:${(line.address() as AddressInfo).port}/graphql` });
  const sending = setInterval(() => void order(`before-${randomUUID()}`), 500);
  await next();
  clearInterval(sending);
  isDown = true;
  for (const socket of open) socket.destroy();
  const missed = `missed-${randomUUID()}`;
  await order(missed);
  await until(() => api().ask<{ customer: { memberships: unknown[] } | null }>('query($id: String!) { customer(userId: $id) { memberships { since } } }', { id: missed }), ({ customer }) => (customer?.memberships.length ?? 0) > 0);
  isDown = false;
  for (;;) if ((JSON.parse(await next()) as { customer: { userId: string } }).customer.userId === missed) break;
  line.close();
}, 60_000);

test('a webhook is made, signed and received', async () => {
  const next = await listening('receive.mjs');
  const userId = `hooked-${randomUUID()}`;
  await order(userId);
  expect(await next()).toMatch(new RegExp(`^Segment Entered ${userId} \\S`));
}, 30_000);

test('types are made from the running gateway', async () => {
  const operation = join(folder, 'operation.ts');
  await writeFile(operation, "import { graphql } from './types/';\nexport const Who = graphql(`query Who($userId: String!) { customer(userId: $userId) { memberships { strength } } }`);\n");
  const types = join(folder, 'types/');
  await execa(resolve('node_modules/.bin/graphql-codegen'), ['--config', join(folder, 'codegen.mjs')], { env: environment({ OPERATIONS: operation, TYPES: `${types}/` }) });
  expect(await readdir(types)).toContain('graphql.ts');
  expect(await readFile(join(types, 'graphql.ts'), 'utf8')).toContain('export type WhoQueryVariables');
}, 60_000);
