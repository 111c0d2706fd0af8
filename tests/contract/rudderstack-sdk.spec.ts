import Analytics from '@rudderstack/rudder-sdk-node';

import { WRITE_KEY } from '../faults/intake-house.js';
import type { FaultProxy } from './fault-proxy.js';
import { BATCH, SdkHouse, sendBatches, upTo, WITHIN_MS } from './sdk-house.js';

/** RudderStack's own client as it is published: Segment's dialect, packed by gzip. What it loses by its design is stated. */
let house: SdkHouse;
beforeAll(async () => {
  house = await SdkHouse.open();
}, 120_000);
afterAll(() => house?.close());

// Without a handler of its own it ends the program: what it gives up is an unhandled rejection. Each call's callback is told too.
const errorHandler = () => undefined;

/** A client and a proxy of its own before the intake. */
async function through(story: (sdk: Analytics, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await house.proxy();
  const sdk = new Analytics(WRITE_KEY, { dataPlaneUrl: proxy.url, flushAt: BATCH, flushInterval: 100, errorHandler, logLevel: 'none' });
  // Its first call goes out alone, whatever the size of batches.
  await new Promise<void>((sent) => sdk.track({ userId: 'first', event: 'Begun' }, () => sent()));
  await story(sdk, proxy).finally(() => proxy.close());
}

const send = (sdk: Analytics, run: string, batches: number) =>
  sendBatches((event) => new Promise((resolve) => sdk.track(event, (error?: Error) => resolve({ isGivenUp: error !== undefined && error !== null }))), run, batches);

test.concurrent('against a healthy intake: every call of every kind arrives once, at the time that the program said', () => through(async (sdk) => {
  const run = 'healthy';
  const at = new Date('2026-03-04T05:06:07Z');
  sdk.identify({ userId: run, traits: { plan: 'free' } });
  sdk.page({ userId: run, name: 'Home' });
  sdk.screen({ userId: run, name: 'Start' });
  sdk.group({ userId: run, groupId: 'g' });
  sdk.alias({ userId: run, previousId: `before ${run}` });
  sdk.track({ anonymousId: `device ${run}`, userId: run, event: 'Bought', originalTimestamp: at } as never);
  expect(await send(sdk, run, 3)).toBe(0);
  expect(await house.stored(run)).toEqual(upTo(3 * BATCH));
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
  expect(await send(sdk, run, 2)).toBe(0);
  expect(await house.stored(run)).toEqual(upTo(2 * BATCH));
}), WITHIN_MS);

test.concurrent('refused five times with 429, it loses that batch after its four tries, and only that', () => through(async (sdk, proxy) => {
  const run = 'refused five times';
  proxy.refuse({ status: 429, retryAfter: '1', times: 5 });
  expect(await send(sdk, run, 3)).toBe(BATCH);
  expect(await house.stored(run)).toEqual(upTo(3 * BATCH, BATCH));
}), WITHIN_MS);

// When those above have ended: it takes the intake away.
test('with ingestion killed -9 in mid-flight and started again, what it does not report as given up is there, once', () => through(async (sdk, proxy) => {
  const run = 'killed';
  const [givenUp] = await Promise.all([send(sdk, run, 3), house.killInMidFlight(proxy)]);
  const numbers = await house.stored(run);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.length).toBeGreaterThanOrEqual(3 * BATCH - givenUp);
  process.stderr.write(`   rudder-sdk-node, killed in mid-flight: ${numbers.length} of ${3 * BATCH} stored, ${givenUp} given up by the client\n`);
}), WITHIN_MS);
