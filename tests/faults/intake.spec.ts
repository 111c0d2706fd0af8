import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ingestion } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { IntakeHouse, isLong, type IngestionProcess } from './intake-house.js';
import { AUTHORIZATION, ledgerGaps, IntakeLoad, SOUND } from './intake-load.js';

let house: IntakeHouse;
let service: IngestionProcess;
beforeAll(async () => {
  house = await IntakeHouse.open();
  service = await house.start();
}, 120_000);
afterAll(() => house?.close());

const LONG = isLong ? 900_000 : 120_000;
const post = (url: string, body: unknown) => fetch(`${url}/v1/batch`, { method: 'POST', headers: { authorization: AUTHORIZATION }, body: JSON.stringify(body) });

test('ingestion killed with -9 under load, again and again at random moments, loses no acknowledged event and counts none twice', async () => {
  const kills = isLong ? 20 : 3;
  const load = new IntakeLoad('kill ingestion', service.url);
  for (let kill = 0; kill < kills; kill++) {
    await load.after('acked', 1);
    await load.after('begun', randomInt(1, 40));
    await service.kill();
    service = await house.start(service);
  }
  await load.after('acked', 10);
  await load.stop();
  const verdict = await load.verdict(house);
  expect(verdict).toMatchObject(SOUND);
  expect(verdict.acked).toBeGreaterThan(kills * 10);
}, LONG);

test('Postgres killed with -9 under load: callers see 503 with a time to come again, and ingestion goes on without a restart', async () => {
  const kills = isLong ? 5 : 1;
  const load = new IntakeLoad('kill Postgres', service.url);
  for (let kill = 0; kill < kills; kill++) {
    await load.after('acked', 5);
    await load.after('begun', randomInt(1, 40));
    await house.killPostgres();
    await load.after('begun', 10);
    await house.startPostgres();
    await load.after('acked', 5);
  }
  await load.stop();
  expect(service.hasEnded()).toBe(false);
  const verdict = await load.verdict(house);
  expect(verdict).toMatchObject(SOUND);
  expect(verdict.acked).toBeGreaterThan(0);
  const refused = load.answers.filter(({ status }) => status !== 200);
  expect(new Set(refused.map(({ status, retryAfter }) => `${status}, again after ${retryAfter}`))).toEqual(new Set(['503, again after 2']));
}, LONG);

test('one message id sent fifty times at once, through both doors of two replicas, is stored once', async () => {
  const second = await house.start();
  const clients = [service, second].map(({ grpc }) => connect(ingestion.EventServiceService, grpc));
  const principal = await house.principal();
  try {
    for (let round = 0; round < (isLong ? 50 : 5); round++) {
      // Of a year that has no partition yet: both replicas make it at once.
      const event = { type: 'track', event: 'Seen', userId: 'u', messageId: `race ${round}`, timestamp: `${1970 + round}-06-01T00:00:00Z` };
      await Promise.all(
        Array.from({ length: 50 }, async (_, at) => {
          if (at % 2 === 0) return expect((await post([service, second][(at / 2) % 2]!.url, { batch: [event] })).status).toBe(200);
          return clients[((at - 1) / 2) % 2]!.trackEvents({ events: [Buffer.from(JSON.stringify(event))], sentAt: undefined }, { principal });
        }),
      );
    }
  } finally {
    for (const client of clients) client.close();
    await second.kill();
  }
  const rows = await house.rows("SELECT count(*)::int AS stored FROM ingestion.events WHERE message_id LIKE 'race %' GROUP BY message_id");
  expect(rows).toEqual(Array.from({ length: isLong ? 50 : 5 }, () => ({ stored: 1 })));
}, LONG);

test('slow clients, and clients that vanish, do not keep others out', async () => {
  const { hostname, port } = new URL(service.url);
  const open = async (head: string): Promise<Socket> => {
    const socket = connectSocket(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(head);
    return socket;
  };
  const head = (length: number) => `POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: ${AUTHORIZATION}\r\ncontent-length: ${length}\r\n\r\n{"batch": [`;
  // Together they announce far more than the intake may hold; what they announce must not count, only what they send.
  const stalled = await Promise.all(Array.from({ length: isLong ? 400 : 60 }, () => open(head(15_000_000))));
  const closed = stalled.map((socket) => once(socket.resume(), 'close'));
  const whole = JSON.stringify({ batch: [{ type: 'track', event: 'Seen', userId: 'u', messageId: 'of one who vanished' }] });
  for (let at = 0; at < 50; at++) (await open(`${head(whole.length).replace('{"batch": [', '')}${whole}`)).destroy();
  try {
    for (let at = 0; at < 50; at++) {
      const began = performance.now();
      expect((await post(service.url, { batch: [{ type: 'track', event: 'Seen', userId: 'u', messageId: `patient ${at}` }] })).status).toBe(200);
      expect(performance.now() - began).toBeLessThan(2_000);
    }
    // Who never ends its body is let go.
    await Promise.all(closed);
  } finally {
    for (const socket of stalled) socket.destroy();
  }
  const stored = await house.rows("SELECT message_id FROM ingestion.events WHERE message_id = 'of one who vanished'");
  expect(stored.length).toBeLessThanOrEqual(1);
}, LONG);

test('a clock that is stepped by an hour and back under load loses no event and makes no time negative', async () => {
  const preload = pathToFileURL(resolve('tests/faults/stepped-clock.mjs')).href;
  const stepped = await house.start(undefined, { NODE_OPTIONS: `--import ${preload}` });
  try {
    const load = new IntakeLoad('clock', stepped.url);
    for (let step = 0; step < (isLong ? 20 : 4); step++) {
      await load.after('acked', 10);
      stepped.signal('SIGUSR2');
    }
    await load.after('acked', 10);
    await load.stop();
    const verdict = await load.verdict(house);
  expect(verdict).toMatchObject(SOUND);
  expect(verdict.acked).toBeGreaterThan(100);
    expect(new Set(load.answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [seen] = await house.rows<{ late: boolean }>("SELECT max(received_at) > now() + interval '30 minutes' AS late FROM ingestion.events WHERE message_id LIKE 'clock %'");
    expect(seen).toEqual({ late: true });
    const metrics = await (await fetch(`${stepped.url}/metrics`)).text();
    expect(metrics).toMatch(/^kindred_intake_commit_seconds_sum \d/m);
  } finally {
    await stepped.kill();
  }
}, LONG);

test('after all of this the ledger agrees with the tables', async () => {
  expect(await ledgerGaps(house)).toEqual([]);
});
