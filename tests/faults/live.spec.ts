import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';

import { type EmbeddedValkey, startValkey, temporaryFolder } from '#libs/embedded';

import { ServingHouse, until } from '../contract/serving-house.js';
import { isLong } from './intake-house.js';
import { LiveShop, SOUND } from './live-shop.js';
import { type ServingProcess, startServing } from './serving-process.js';

const LEASE = { FEED_POLL_MS: '200', LEASE_SECONDS: '1', SCORE_DEADLINE_MS: '1500', SCORE_FALLBACK_MS: '1500' };
const WEBHOOKS = { WEBHOOK_PRIVATE_TARGETS: 'true', WEBHOOK_ATTEMPTS: '20', WEBHOOK_BACKOFF_MS: '10', WEBHOOK_TIMEOUT_MS: '2000' };
const REPLICAS = 2;
const TIMES = isLong ? 10 : 1;
const LONG = isLong ? 600_000 : 120_000;

let house: ServingHouse;
let replicas: ServingProcess[] = [];
let shop: LiveShop;
/** Those that were started in another's place, and what they keep. */
const emptied: { valkey: EmbeddedValkey; dataDir: string }[] = [];
beforeAll(async () => {
  house = await ServingHouse.open();
  replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startServing(house, { ...LEASE, ...WEBHOOKS })));
}, LONG);
beforeEach(async () => {
  shop = await LiveShop.open(house, () => replicas);
  await until(() => shares(), (held) => held.join() === '4,4', 20_000);
});
afterEach(() => shop?.close());
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await house?.close();
  await emptied.at(-1)?.valkey.stop();
  await Promise.all(emptied.map(({ dataDir }) => rm(dataDir, { recursive: true, force: true })));
});

async function shares(): Promise<number[]> {
  const { rows } = await house.owner.query<{ held: number }>(
    `select count(*)::int as held from serving.partition_leases where workspace_id = $1 and replica_id is not null group by replica_id order by 1`,
    [shop.workspace.id],
  );
  return rows.map(({ held }) => held);
}

test('a replica killed with -9 while it scores: its customers go on at the other within seconds, nothing lost and nothing twice', async () => {
  for (let time = 0; time < TIMES; time++) {
    await shop.burst(5);
    const [gone] = replicas.splice(0, 1);
    await gone?.kill();
    await shop.burst(5);
    await until(() => shares(), (held) => held.join() === '8', 20_000);
    replicas.push(await startServing(house, { ...LEASE, ...WEBHOOKS }));
    await shop.burst(2);
  }
  expect(await shop.verdict()).toEqual(SOUND);
}, LONG);

test('a replica stopped in the midst of it and woken up later writes nothing over what the other has read since', async () => {
  for (let time = 0; time < TIMES; time++) {
    await shop.burst(5);
    replicas[0]?.signal('SIGSTOP');
    await shop.burst(5);
    await until(() => shares(), (held) => held.join() === '8', 30_000);
    await shop.burst(2);
    replicas[0]?.signal('SIGCONT');
    await shop.burst(5);
  }
  expect(await shop.verdict()).toEqual(SOUND);
}, LONG);

test('Valkey killed and emptied while events come: no membership and no delivery is missed', async () => {
  for (let time = 0; time < TIMES; time++) {
    await shop.burst(5);
    const { port } = new URL(house.platform.redisUrl);
    const valkey = emptied.at(-1)?.valkey ?? house.platform.valkey;
    valkey.kill('SIGKILL');
    await valkey.ended;
    await shop.burst(3, { areHinted: false });
    // The same address, and nothing in it.
    const dataDir = await temporaryFolder('kindred-emptied');
    emptied.push({ dataDir, valkey: await startValkey({ dataDir, port: Number(port), python: resolve('.venv') }) });
    await shop.burst(3);
  }
  expect(await shop.verdict()).toEqual(SOUND);
}, LONG);

test('a worker that stands still: its late answers count for nothing, and events that came meanwhile are applied once', async () => {
  for (let time = 0; time < TIMES; time++) {
    await shop.burst(3);
    house.worker.beforeAnswer.hold();
    await shop.burst(4);
    // Given up after the deadline, and asked again.
    await house.worker.beforeAnswer.reached.next();
    await house.worker.beforeAnswer.reached.next();
    await house.worker.beforeAnswer.reached.next();
    house.worker.beforeAnswer.go();
    await shop.burst(3);
  }
  expect(await shop.verdict()).toEqual(SOUND);
}, LONG);

test('a clock stepped by an hour, forwards and back, loses nothing and counts nothing twice', async () => {
  for (let time = 0; time < TIMES * 2; time++) {
    await shop.burst(4);
    replicas[time % replicas.length]?.signal('SIGUSR2');
    await shop.burst(4);
  }
  expect(await shop.verdict()).toEqual(SOUND);
}, LONG);
