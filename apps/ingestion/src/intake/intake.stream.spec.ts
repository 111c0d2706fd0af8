import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { Metadata } from 'nice-grpc';

import { ingestion, intake } from '#libs/contracts';
import { connect, status } from '#libs/grpc';

import { type IngestionUnderTest, OTHER_WORKSPACE, OTHER_WRITE_KEY, startIngestion, VIEWER_KEY, WRITE_KEY } from '../testing/ingestion-under-test.js';

const { STORED, DUPLICATE, REJECTED } = ingestion.EventOutcome;
const MIB = 1024 * 1024;
const RATE = 2_000;
const STREAMS = 4;

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion({ INTAKE_MAX_BODY_BYTES: String(4 * MIB), INTAKE_KEY_EVENTS_PER_SECOND: String(RATE), INTAKE_MAX_STREAMS: String(STREAMS) });
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

const as = (authorization: string) => ({ metadata: Metadata({ authorization }) });
const track = (messageId: string, more: object = {}) => JSON.stringify({ type: 'track', event: 'Seen', userId: 'u', messageId, ...more });

async function* messages(...batches: readonly (readonly string[])[]): AsyncGenerator<intake.StreamEventsRequest> {
  for (const events of batches) yield { events: [...events], sentAt: undefined };
}

test('a stream is answered once all of it is committed, one result per event, in order', async () => {
  const answer = await kindred.streams.streamEvents(messages([track('s1'), track('s2')], [], [track('s1'), 'no JSON', track('s3', { event: '' }), track('s4')]), call);
  expect(answer.results.map(({ messageId, outcome, reason }) => [messageId, outcome, reason])).toEqual([
    ['s1', STORED, ''], ['s2', STORED, ''], ['s1', DUPLICATE, ''], ['', REJECTED, 'NOT_AN_OBJECT'], ['s3', REJECTED, 'NAME_MISSING'], ['s4', STORED, ''],
  ]);
  expect(answer).toMatchObject({ stored: 3, duplicate: 1, rejected: 2 });
  const { rows } = await kindred.sql.query("SELECT message_id FROM ingestion.events WHERE message_id LIKE 's_' ORDER BY 1");
  expect(rows).toEqual([{ message_id: 's1' }, { message_id: 's2' }, { message_id: 's4' }]);
});

test.each([
  ['Bearer', `Bearer ${OTHER_WRITE_KEY}`],
  ['Basic', `Basic ${Buffer.from(`${OTHER_WRITE_KEY}:`).toString('base64')}`],
])('a key is presented as %s, and leads to its own workspace', async (scheme, authorization) => {
  await kindred.streams.streamEvents(messages([track(`key ${scheme}`)]), as(authorization));
  const { rows } = await kindred.sql.query('SELECT workspace_id FROM ingestion.events WHERE message_id = $1', [`key ${scheme}`]);
  expect(rows).toEqual([{ workspace_id: OTHER_WORKSPACE }]);
});

test('an unknown key, none, a forged principal and a reading key are refused, and nothing is stored', async () => {
  const refusals: [object, number, string][] = [
    [as('Bearer kw_nobody'), status.UNAUTHENTICATED, 'KEY_UNKNOWN'],
    [{}, status.UNAUTHENTICATED, 'KEY_UNKNOWN'],
    [{ principal: 'forged' }, status.UNAUTHENTICATED, 'KEY_UNKNOWN'],
    [as(`Bearer ${VIEWER_KEY}`), status.PERMISSION_DENIED, 'FORBIDDEN'],
  ];
  for (const [options, code, reason] of refusals) {
    await expect(kindred.streams.streamEvents(messages([track('refused')]), options)).rejects.toMatchObject({ status: code, reason });
  }
  expect((await kindred.sql.query("SELECT FROM ingestion.events WHERE message_id = 'refused'")).rows).toEqual([]);
});

test('a key lets into the stream of events and nowhere else', async () => {
  await expect(kindred.events.getEventReceipt({ messageId: 's1' }, as(`Bearer ${WRITE_KEY}`))).rejects.toMatchObject({ status: status.UNAUTHENTICATED });
});

test('above its rate a stream is slowed down and not refused', async () => {
  const began = performance.now();
  const batches = Array.from({ length: 25 }, (_, at) => Array.from({ length: 200 }, (__, n) => track(`rate ${at} ${n}`)));
  const answer = await kindred.streams.streamEvents(messages(...batches), as(`Bearer ${OTHER_WRITE_KEY}`));
  expect(answer.stored).toBe(5_000);
  // At 2,000 a second the last thousand has its turn in the third second.
  expect(performance.now() - began).toBeGreaterThan(1_000);
});

test.each([
  ['bytes', [track('large', { properties: { text: 'x'.repeat(MIB) } })], status.INVALID_ARGUMENT, 'MESSAGE_TOO_LARGE'],
  ['events', Array.from({ length: 10_001 }, () => '{}'), status.INVALID_ARGUMENT, 'MESSAGE_TOO_LARGE'],
  ['bytes to be read at all', [track('huge', { properties: { text: 'x'.repeat(8 * MIB) } })], status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED'],
])('a message of too many %s ends the stream, and what came before it is stored', async (_what, large, code, reason) => {
  await expect(kindred.streams.streamEvents(messages([track('before 1'), track('before 2')], large), call)).rejects.toMatchObject({ status: code, reason });
  const again = await kindred.streams.streamEvents(messages([track('before 1'), track('before 2')]), call);
  expect(again.stored + again.duplicate).toBe(2);
});

test('while nothing can be committed the sender is held back, and then loses nothing', async () => {
  const COUNT = 160;
  const text = 'y'.repeat(20_000);
  let pulled = 0;
  async function* many(): AsyncGenerator<intake.StreamEventsRequest> {
    for (; pulled < COUNT; pulled++) yield { events: Array.from({ length: 2 }, (_, n) => track(`held ${pulled} ${n}`, { properties: { text } })), sentAt: undefined };
  }
  await kindred.sql.query('BEGIN; LOCK TABLE ingestion.message_ids IN EXCLUSIVE MODE');
  const sending = kindred.streams.streamEvents(many(), call);
  // Held back is who has not been asked for more while the service answered this often.
  for (let still = 0, last = -1; still < 50; ) {
    await fetch(`${kindred.intake}/healthz`);
    still = pulled > 0 && pulled === last ? still + 1 : 0;
    last = pulled;
  }
  expect(pulled).toBeLessThan(COUNT / 2);
  await kindred.sql.query('COMMIT');
  expect(await sending).toMatchObject({ stored: COUNT * 2, duplicate: 0, rejected: 0 });
});

test('a stream too many is told to come again later, and has its turn when another ends', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  async function* open(name: string): AsyncGenerator<intake.StreamEventsRequest> {
    yield { events: [track(name)], sentAt: undefined };
    await held;
  }
  const streams = Array.from({ length: STREAMS }, (_, at) => kindred.streams.streamEvents(open(`open ${at}`), call));
  const committed = async () => (await kindred.sql.query("SELECT FROM ingestion.message_ids WHERE message_id LIKE 'open _'")).rows.length;
  while ((await committed()) < STREAMS);
  const late = () => kindred.streams.streamEvents(messages([track('late')]), call);
  await expect(late()).rejects.toMatchObject({ status: status.RESOURCE_EXHAUSTED, reason: 'STREAMS_FULL' });
  release();
  await Promise.all(streams);
  expect(await late()).toMatchObject({ stored: 1 });
});

test('whatever is sent in whatever portions, each event has its result, and the other door says the same of it', async () => {
  let run = 0;
  const anything = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom('', null, 0, '\0', '\ud800', '__proto__'));
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('track', 'identify', 'page', 'alias', 'group', 'x'), event: anything, userId: anything, anonymousId: anything, properties: anything, traits: anything, timestamp: anything }, { requiredKeys: ['type'] }) },
    { weight: 1, arbitrary: anything },
  );
  const portions = fc.array(fc.array(fc.tuple(event, fc.nat(3)), { maxLength: 4 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(portions, async (batches) => {
      run++;
      // Few message ids, so that some come twice.
      const encoded = batches.map((batch) => batch.map(([raw, id]) => JSON.stringify(typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? { ...raw, messageId: `any ${run} ${id}` } : raw)));
      const { results } = await kindred.streams.streamEvents(messages(...encoded), call);
      const flat = encoded.flat();
      expect(results).toHaveLength(flat.length);
      const other = await kindred.events.trackEvents({ events: flat.map((text) => Buffer.from(text)), sentAt: undefined }, call);
      for (const [at, { outcome, reason }] of results.entries()) {
        expect(other.results[at]).toMatchObject(outcome === REJECTED ? { outcome: REJECTED, reason } : { outcome: DUPLICATE });
      }
    }),
    { numRuns: 60 },
  );
  const ledger = await kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
  expect(ledger.received).toBe(ledger.stored + ledger.duplicate + ledger.rejected);
}, 60_000);

test('the example of the documentation runs as it is written', async () => {
  const page = await readFile('docs/api/intake.md', 'utf8');
  const example = page.split('```js\n')[1]?.split('\n```')[0] ?? '';
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', example], { env: { ...process.env, KINDRED_GRPC: kindred.grpc, WRITE_KEY } });
  expect(stdout.trim()).toBe('3 stored, 0 duplicate, 0 rejected');
});

test('the command of the documentation names files, a method and a message that are there', async () => {
  const page = await readFile('docs/api/intake.md', 'utf8');
  const command = /^echo '(?<message>.+)' \|\s+grpcurl -plaintext -import-path (?<folder>\S+) -proto (?<file>\S+) -H "authorization: Bearer \$WRITE_KEY" -d @ \\\s+\S+ (?<service>\S+)\/(?<method>\S+)$/m.exec(page)?.groups;
  const definition = loadSync(command?.['file'] ?? '', { includeDirs: [command?.['folder'] ?? ''], enums: String, defaults: true })[command?.['service'] ?? ''] as grpc.ServiceDefinition;
  const Service = grpc.makeGenericClientConstructor(definition, 'Service');
  const client = new Service(kindred.grpc, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${WRITE_KEY}`);
  const method = definition[command?.['method'] ?? ''] as grpc.MethodDefinition<object, { stored: number; rejected: number }>;
  const answer = await new Promise((resolve, reject) => {
    const stream = client.makeClientStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, metadata, (error, value) => (error ? reject(error) : resolve(value)));
    stream.end(JSON.parse(command?.['message'] ?? '') as object);
  });
  client.close();
  expect(answer).toMatchObject({ results: [{ messageId: 'g-1', outcome: 'EVENT_OUTCOME_STORED' }] });
});

test('a stream that is open when the service ends is told so at once, with what is committed of it', async () => {
  const client = connect(intake.IntakeServiceService, kindred.grpc);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  async function* open(): AsyncGenerator<intake.StreamEventsRequest> {
    yield { events: [track('last')], sentAt: undefined };
    await held;
  }
  const failure = client.streamEvents(open(), call).then(() => undefined, (error: unknown) => error);
  while ((await kindred.sql.query("SELECT FROM ingestion.events WHERE message_id = 'last'")).rows.length === 0);
  const began = performance.now();
  await kindred.close();
  expect(await failure).toMatchObject({ status: status.UNAVAILABLE, reason: 'INTAKE_UNAVAILABLE' });
  expect(performance.now() - began).toBeLessThan(8_000);
  release();
  client.close();
});
