import { once } from 'node:events';

import { Analytics as Analytics3 } from '@segment/analytics-node';
import { Analytics as Analytics1 } from 'analytics-node-1';
import { Analytics as Analytics2 } from 'analytics-node-2';

import { IntakeHouse, type IngestionProcess, WRITE_KEY } from '../faults/intake-house.js';
import { FaultProxy } from './fault-proxy.js';

/** Segment's own clients as they are published: what they lose by their design is stated, what reached us must be there. */
let house: IntakeHouse;
let service: IngestionProcess;
beforeAll(async () => {
  house = await IntakeHouse.open();
  service = await house.start();
}, 120_000);
afterAll(() => house?.close());

const BATCH = 20;
const WITHIN_MS = 90_000;

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

/** A client and a proxy of its own before the intake: what waits between its tries holds up nobody else. */
async function through(open: Version['open'], story: (sdk: Sdk, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await FaultProxy.open(service.url);
  const sdk = open(proxy.url);
  try {
    await story(sdk, proxy);
  } finally {
    await sdk.closeAndFlush({ timeout: 1_000 });
    proxy.close();
  }
}

/** Tracks events and resolves when the client has sent or given up each: how many it says it gave up. */
async function sendBatches(sdk: Sdk, run: string, batches: number): Promise<number> {
  let givenUp = 0;
  for (let batch = 0; batch < batches; batch++) {
    const settled = Array.from({ length: BATCH }, (_, place) => {
      const event = { userId: `sdk-${run}`, event: 'Seen', properties: { run, n: batch * BATCH + place } };
      return new Promise<boolean>((resolve) => sdk.track(event, (error) => resolve(error !== undefined && error !== null)));
    });
    givenUp += (await Promise.all(settled)).filter(Boolean).length;
  }
  return givenUp;
}

/** Events of a run in the order of their numbers, one number for each time it is stored. */
async function stored(run: string): Promise<number[]> {
  const rows = await house.rows<{ n: number }>("SELECT (properties->>'n')::int AS n FROM ingestion.events WHERE properties->>'run' = $1 ORDER BY 1", [run]);
  return rows.map(({ n }) => n);
}
const upTo = (count: number, from = 0) => Array.from({ length: count - from }, (_, at) => from + at);

describe.each(versions)('analytics-node $name', ({ name, open, isPatient }) => {
  test.concurrent('against a healthy intake: every call of every kind arrives once', () => through(open, async (sdk) => {
    const run = `healthy ${name}`;
    sdk.identify({ userId: run, traits: { plan: 'free' } });
    sdk.page({ userId: run, name: 'Home' });
    sdk.screen({ userId: run, name: 'Start' });
    sdk.group({ userId: run, groupId: 'g' });
    sdk.alias({ userId: run, previousId: `before ${run}` });
    expect(await sendBatches(sdk, run, 5)).toBe(0);
    expect(await stored(run)).toEqual(upTo(5 * BATCH));
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
    expect(await sendBatches(sdk, run, 2)).toBe(0);
    expect(await stored(run)).toEqual(upTo(2 * BATCH));
  }), WITHIN_MS);

  test.concurrent(`refused five times with 429, it ${isPatient ? 'loses nothing' : 'loses that batch after its four tries, and only that'}`, () => through(open, async (sdk, proxy) => {
    const run = `refused five times ${name}`;
    proxy.refuse({ status: 429, retryAfter: '1', times: 5 });
    const givenUp = await sendBatches(sdk, run, 3);
    expect(givenUp).toBe(isPatient ? 0 : BATCH);
    expect(await stored(run)).toEqual(upTo(3 * BATCH, givenUp));
  }), WITHIN_MS);
});

// One after the other, when those above have ended: each takes the intake away from everybody.
test.each(versions)('with ingestion killed -9 in mid-flight and started again, what $name does not report as given up is there, once', ({ name, open, isPatient }) => through(open, async (sdk, proxy) => {
  const run = `killed ${name}`;
  const killAndRestart = async () => {
    await once(proxy, 'forwarded');
    await service.kill();
    service = await house.start(service);
  };
  const [givenUp] = await Promise.all([sendBatches(sdk, run, 3), killAndRestart()]);
  const numbers = await stored(run);
  expect(new Set(numbers).size).toBe(numbers.length);
  // What is reported as given up may have been committed all the same, just before the process died.
  expect(numbers.length).toBeGreaterThanOrEqual(3 * BATCH - givenUp);
  if (isPatient) expect(givenUp).toBe(0);
  process.stderr.write(`   ${name}, killed in mid-flight: ${numbers.length} of ${3 * BATCH} stored, ${givenUp} given up by the client\n`);
}), WITHIN_MS);
