// docs/api/move-from-segment.md, step by step and to the letter.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { execa } from 'execa';

import { api, ready, until } from './ready.ts';

let folder: string;
let key = '';

beforeAll(async () => {
  // Below the project, so that the packages which a reader would install are found.
  await mkdir('.kindred', { recursive: true });
  folder = await mkdtemp(resolve('.kindred', 'move-from-segment-'));
  const page = await readFile('docs/api/move-from-segment.md', 'utf8');
  for (const [, name = '', text = ''] of page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(name: string): Promise<string> {
  const { graphql, intake, adminKey } = ready();
  const env = { KINDRED_URL: graphql, KINDRED_INTAKE: intake, KINDRED_ADMIN_KEY: adminKey, WRITE_KEY: key };
  const { stdout, stderr } = await execa(name.endsWith('.sh') ? 'bash' : process.execPath, [join(folder, name)], { env });
  expect(stderr).not.toContain('given up');
  return stdout;
}

type Receipt = { outcome: string; occurredAt: string; customer: { userId: string } } | null;
const receipt = async (messageId: string) =>
  (await api().ask<{ eventReceipt: Receipt }>('query($id: String!) { eventReceipt(messageId: $id) { outcome occurredAt customer { userId } } }', { id: messageId })).eventReceipt;

test('a write key is made, and holds everywhere within five seconds', async () => {
  key = await run('key.mjs');
  expect(key).toMatch(/^kw_/);
  const status = async () => (await fetch(`${ready().intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{"batch": []}' })).status;
  expect(await until(status, (answer) => answer === 200, 5_000)).toBe(200);
});

test.each([
  ['segment.mjs', 'moved-segment', 'moved-1'],
  ['rudderstack.mjs', 'moved-rudderstack', 'moved-2'],
  ['plain.sh', 'moved-curl', 'moved-3'],
])('what %s sends is stored once it has ended', async (name, messageId, userId) => {
  await run(name);
  expect(await receipt(messageId)).toMatchObject({ outcome: 'STORED', customer: { userId } });
}, 30_000);

test('what is run again is counted once', async () => {
  const duplicates = async () => (await api().ask<{ eventReceipt: { duplicates: number } }>('{ eventReceipt(messageId: "moved-curl") { duplicates } }')).eventReceipt.duplicates;
  const before = await duplicates();
  await run('plain.sh');
  expect(await duplicates()).toBe(before + 1);
});

test('history comes as a file, and does not double what came by an SDK', async () => {
  const done = JSON.parse(await run('history.mjs')) as { state: string; rowsRead: number; eventsStored: number; eventsDuplicate: number };
  expect(done).toMatchObject({ state: 'SUCCEEDED', rowsRead: 2 });
  expect(done.eventsStored + done.eventsDuplicate).toBe(2);
  expect(done.eventsDuplicate).toBeGreaterThan(0);
  expect(await receipt('moved-history')).toMatchObject({ outcome: 'STORED', occurredAt: expect.stringMatching(/^2026-04-01T12:00:00/) as string });
}, 60_000);

test('the ledger adds up', async () => {
  const { eventLedger } = await api().ask<{ eventLedger: { received: number; stored: number; duplicate: number; rejected: number } }>(await readFile(join(folder, 'look.graphql'), 'utf8'));
  expect(eventLedger.stored + eventLedger.duplicate + eventLedger.rejected).toBe(eventLedger.received);
});
