import { Analytics as Analytics3 } from '@segment/analytics-node';
import { Analytics as Analytics1 } from 'analytics-node-1';
import { Analytics as Analytics2 } from 'analytics-node-2';

import { WRITE_KEY } from '../faults/intake-house.js';
import type { FaultProxy } from './fault-proxy.js';
import { BATCH, SdkHouse, sendBatches, upTo, WITHIN_MS } from './sdk-house.js';

/** Segment's own clients as they are published: what they lose by their design is stated, what reached us must be there. */
let house: SdkHouse;
beforeAll(async () => {
  house = await SdkHouse.open();
}, 120_000);
afterAll(() => house?.close());

type Sdk = Analytics1 | Analytics2 | Analytics3;
interface Version {
  name: string;
  open: (host: string) => Sdk;
  /** True if it holds a batch that is refused longer than four tries last. */
  isPatient: boolean;
}
// What a client gives up, the callback of each call is told too.
const ignore = () => undefined;
const settings = (host: string) => ({ writeKey: WRITE_KEY, host, maxEventsInBatch: BATCH, flushInterval: 100 });
const versions: Version[] = [
  { name: '1.0.0', open: (host) => new Analytics1(settings(host)).on('error', ignore), isPatient: false },
  { name: '2.3.0', open: (host) => new Analytics2({ ...settings(host), flushAt: BATCH }).on('error', ignore), isPatient: false },
  { name: '3.1.0', open: (host) => new Analytics3({ ...settings(host), flushAt: BATCH }).on('error', ignore), isPatient: true },
];

/** A client and a proxy of its own before the intake. */
async function through(open: Version['open'], story: (sdk: Sdk, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await house.proxy();
  const sdk = open(proxy.url);
  try {
    await story(sdk, proxy);
  } finally {
    await sdk.closeAndFlush({ timeout: 1_000 });
    proxy.close();
  }
}

const send = (sdk: Sdk, run: string, batches: number) =>
  sendBatches((event) => new Promise((resolve) => sdk.track(event, (error) => resolve({ isGivenUp: error !== undefined && error !== null }))), run, batches);

describe.each(versions)('analytics-node $name', ({ name, open, isPatient }) => {
  test.concurrent('against a healthy intake: every call of every kind arrives once', () => through(open, async (sdk) => {
    const run = `healthy ${name}`;
    sdk.identify({ userId: run, traits: { plan: 'free' } });
    sdk.page({ userId: run, name: 'Home' });
    sdk.screen({ userId: run, name: 'Start' });
    sdk.group({ userId: run, groupId: 'g' });
    sdk.alias({ userId: run, previousId: `before ${run}` });
    expect(await send(sdk, run, 5)).toBe(0);
    expect(await house.stored(run)).toEqual(upTo(5 * BATCH));
    await sdk.closeAndFlush();
    const kinds = await house.rows<{ type: string }>('SELECT type FROM ingestion.events WHERE user_id = $1 ORDER BY type', [run]);
    expect(kinds.map(({ type }) => type)).toEqual(['alias', 'group', 'identify', 'page', 'screen']);
  }), WITHIN_MS);

  test.concurrent.each([
    ['429', { status: 429, retryAfter: '1', times: 2 }],
    ['503', { status: 503, times: 2 }],
  ])('refused twice with %s, it sends again and nothing is lost', (status, refusal) => through(open, async (sdk, proxy) => {
    const run = `refused twice ${status} ${name}`;
    proxy.refuse({ ...refusal });
    expect(await send(sdk, run, 2)).toBe(0);
    expect(await house.stored(run)).toEqual(upTo(2 * BATCH));
  }), WITHIN_MS);

  test.concurrent(`refused five times with 429, it ${isPatient ? 'loses nothing' : 'loses that batch after its four tries, and only that'}`, () => through(open, async (sdk, proxy) => {
    const run = `refused five times ${name}`;
    proxy.refuse({ status: 429, retryAfter: '1', times: 5 });
    const givenUp = await send(sdk, run, 3);
    expect(givenUp).toBe(isPatient ? 0 : BATCH);
    expect(await house.stored(run)).toEqual(upTo(3 * BATCH, givenUp));
  }), WITHIN_MS);
});

// One after the other, when those above have ended: each takes the intake away from everybody.
test.each(versions)('with ingestion killed -9 in mid-flight and started again, what $name does not report as given up is there, once', ({ name, open, isPatient }) => through(open, async (sdk, proxy) => {
  const run = `killed ${name}`;
  const [givenUp] = await Promise.all([send(sdk, run, 3), house.killInMidFlight(proxy)]);
  const numbers = await house.stored(run);
  expect(new Set(numbers).size).toBe(numbers.length);
  // What is reported as given up may have been committed all the same, just before the process died.
  expect(numbers.length).toBeGreaterThanOrEqual(3 * BATCH - givenUp);
  if (isPatient) expect(givenUp).toBe(0);
  process.stderr.write(`   ${name}, killed in mid-flight: ${numbers.length} of ${3 * BATCH} stored, ${givenUp} given up by the client\n`);
}), WITHIN_MS);
