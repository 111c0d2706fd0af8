import { once } from 'node:events';

import Analytics from '@rudderstack/rudder-sdk-node';

import { IntakeHouse, type IngestionProcess, WRITE_KEY } from '../faults/intake-house.js';
import { FaultProxy } from './fault-proxy.js';

/** RudderStack's own client as it is published: Segment's dialect, packed by gzip. What it loses by its design is stated. */
let house: IntakeHouse;
let service: IngestionProcess;
beforeAll(async () => {
  house = await IntakeHouse.open();
  service = await house.start();
}, 120_000);
afterAll(() => house?.close());

const BATCH = 20;
const WITHIN_MS = 90_000;

// Without a handler of its own it ends the program: what it gives up is an unhandled rejection. Each call's callback is told too.
const errorHandler = () => undefined;

/** A client and a proxy of its own before the intake: what waits between its tries holds up nobody else. */
async function through(story: (sdk: Analytics, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await FaultProxy.open(service.url);
  const sdk = new Analytics(WRITE_KEY, { dataPlaneUrl: proxy.url, flushAt: BATCH, flushInterval: 100, errorHandler, logLevel: 'none' });
  // Its first call goes out alone, whatever the size of batches.
  await new Promise<void>((sent) => sdk.track({ userId: 'first', event: 'Begun' }, () => sent()));
  await story(sdk, proxy).finally(() => proxy.close());
}

/** Tracks events, one batch after the other, and resolves when the client has sent or given up each: how many it gave up. */
async function sendBatches(sdk: Analytics, run: string, batches: number): Promise<number> {
  let givenUp = 0;
  for (let batch = 0; batch < batches; batch++) {
    const settled = Array.from({ length: BATCH }, (_, place) => {
      const event = { userId: `rudder-${run}`, event: 'Seen', properties: { run, n: batch * BATCH + place } };
      return new Promise<boolean>((resolve) => sdk.track(event, (error?: Error) => resolve(error !== undefined && error !== null)));
    });
    givenUp += (await Promise.all(settled)).filter(Boolean).length;
  }
  return givenUp;
}

async function stored(run: string): Promise<number[]> {
  const rows = await house.rows<{ n: number }>("SELECT (properties->>'n')::int AS n FROM ingestion.events WHERE properties->>'run' = $1 ORDER BY 1", [run]);
  return rows.map(({ n }) => n);
}
const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => from + at);

test.concurrent('against a healthy intake: every call of every kind arrives once, at the time that the program said', () => through(async (sdk) => {
  const run = 'healthy';
  const at = new Date('2026-03-04T05:06:07Z');
  sdk.identify({ userId: run, traits: { plan: 'free' } });
  sdk.page({ userId: run, name: 'Home' });
  sdk.screen({ userId: run, name: 'Start' });
  sdk.group({ userId: run, groupId: 'g' });
  sdk.alias({ userId: run, previousId: `before ${run}` });
  sdk.track({ anonymousId: `device ${run}`, userId: run, event: 'Bought', originalTimestamp: at } as never);
  expect(await sendBatches(sdk, run, 3)).toBe(0);
  expect(await stored(run)).toEqual(upTo(3 * BATCH));
  const rows = await house.rows<{ type: string; occurred_at: Date }>('SELECT type, occurred_at FROM ingestion.events WHERE user_id = $1 ORDER BY type', [run]);
  expect(rows.map(({ type }) => type)).toEqual(['alias', 'group', 'identify', 'page', 'screen', 'track']);
  // Corrected by how long the event was on its way: a few milliseconds here.
  expect(Math.abs((rows.at(-1)?.occurred_at.getTime() ?? 0) - at.getTime())).toBeLessThan(5_000);
}), WITHIN_MS);

test.concurrent.each([
  ['429', { status: 429, retryAfter: '1', times: 2 }],
  ['503', { status: 503, times: 2 }],
])('refused twice with %s, it sends again and nothing is lost', (status, refusal) => through(async (sdk, proxy) => {
  const run = `refused twice ${status}`;
  proxy.refuse({ ...refusal });
  expect(await sendBatches(sdk, run, 2)).toBe(0);
  expect(await stored(run)).toEqual(upTo(2 * BATCH));
}), WITHIN_MS);

test.concurrent('refused five times with 429, it loses that batch after its four tries, and only that', () => through(async (sdk, proxy) => {
  const run = 'refused five times';
  proxy.refuse({ status: 429, retryAfter: '1', times: 5 });
  expect(await sendBatches(sdk, run, 3)).toBe(BATCH);
  expect(await stored(run)).toEqual(upTo(3 * BATCH, BATCH));
}), WITHIN_MS);

// When those above have ended: it takes the intake away.
test('with ingestion killed -9 in mid-flight and started again, what it does not report as given up is there, once', () => through(async (sdk, proxy) => {
  const run = 'killed';
  const killAndRestart = async () => {
    await once(proxy, 'forwarded');
    await service.kill();
    service = await house.start(service);
  };
  const [givenUp] = await Promise.all([sendBatches(sdk, run, 3), killAndRestart()]);
  const numbers = await stored(run);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.length).toBeGreaterThanOrEqual(3 * BATCH - givenUp);
  process.stderr.write(`   rudder-sdk-node, killed in mid-flight: ${numbers.length} of ${3 * BATCH} stored, ${givenUp} given up by the client\n`);
}), WITHIN_MS);
