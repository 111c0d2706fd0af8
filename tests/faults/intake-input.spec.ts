import { gzipSync } from 'node:zlib';

import fc from 'fast-check';

import { ingestionService } from '../../apps/ingestion/src/ingestion.service-definition.js';
import { namesOf, tryAnyCalls } from '../any-call.js';
import { IntakeHouse, isLong, type IngestionProcess, WORKSPACE, WRITE_KEY } from './intake-house.js';
import { AUTHORIZATION, ledgerGaps } from './intake-load.js';

let house: IntakeHouse;
let service: IngestionProcess;
beforeAll(async () => {
  house = await IntakeHouse.open();
  service = await house.start();
}, 120_000);
afterAll(() => house?.close());

const LONG = isLong ? 900_000 : 120_000;
const post = (body: string | Uint8Array<ArrayBuffer>, path = 'batch', headers: Record<string, string> = { authorization: AUTHORIZATION }) =>
  fetch(`${service.url}/v1/${path}`, { method: 'POST', headers, body });

/** A track call whose properties, or other fields, are told as JSON text: what JSON.stringify would not write. */
const track = (messageId: string, properties: string, more = '') =>
  `{"type":"track","event":"Seen","userId":"u","messageId":"${messageId}","properties":${properties}${more}}`;
const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const names = (count: number, from = 0) => `{${Array.from({ length: count }, (_, at) => `"name ${from + at}":1`).join(',')}}`;

describe('a hostile event', () => {
  const quarantined: [string, string, string][] = [
    ['a property of 10 MB', track('10 MB', `{"a":"${'x'.repeat(10_000_000)}"}`), 'TOO_LARGE'],
    ['nesting of 10,000', track('deep', nested(10_000)), 'TOO_DEEP'],
    ['a NUL character', track('nul', '{"a":"x\\u0000y"}'), 'TEXT_UNSTORABLE'],
    ['half of a surrogate pair', track('half', '{"a":"\\ud800"}'), 'TEXT_UNSTORABLE'],
    ['half of one in a name', track('half name', '{"\\udfff":1}'), 'TEXT_UNSTORABLE'],
    ['200,000 property names', track('names', names(200_000)), 'TOO_LARGE'],
    ['a customer id beyond 2^53', track('large id', '{}').replace('"u"', '9007199254740993'), 'ID_INVALID'],
  ];
  test.each(quarantined)('with %s goes to quarantine whole, and its neighbour is stored', async (name, event, reason) => {
    const neighbour = `neighbour of ${name}`;
    expect((await post(`{"batch":[${event},${track(neighbour, '{}')}]}`)).status).toBe(200);
    expect(await house.rows('SELECT FROM ingestion.events WHERE message_id = $1', [neighbour])).toHaveLength(1);
    const [row] = await house.rows<{ reason: string; payload: Buffer }>("SELECT reason, payload FROM ingestion.rejected_events ORDER BY id DESC LIMIT 1");
    expect(row?.reason).toBe(reason);
    // Compared as texts, and without showing them: some are of 10 MB, and one is too deep to be written by JSON.stringify.
    expect(row?.payload.toString() === (reason === 'TOO_DEEP' ? event : JSON.stringify(JSON.parse(event)))).toBe(true);
  });

  const coerced: [string, string, unknown][] = [
    ['a number beyond 2^53', '{"a":9007199254740993}', { a: 9007199254740992 }],
    ['a number beyond every number', '{"a":1e400}', { a: null }],
    ['__proto__', '{"__proto__":{"isAdmin":true},"constructor":1}', JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1}')],
  ];
  test.each(coerced)('with %s is stored with a defined value', async (name, properties, kept) => {
    expect((await post(`{"batch":[${track(`coerced ${name}`, properties)}]}`)).status).toBe(200);
    const [row] = await house.rows<{ properties: string }>('SELECT properties::text FROM ingestion.events WHERE message_id = $1', [`coerced ${name}`]);
    expect(JSON.stringify(JSON.parse(row?.properties ?? ''))).toBe(JSON.stringify(kept));
  });

  test('with bytes that are no UTF-8 is stored with the sign for what cannot be read in their place', async () => {
    const [before, after] = track('bytes', '{"a":"|"}').split('|').map((text) => Buffer.from(text)) as [Buffer, Buffer];
    expect((await post(new Uint8Array(Buffer.concat([Buffer.from('{"batch":['), before, Buffer.from([0x63, 0xe9]), after, Buffer.from(']}')])))).status).toBe(200);
    expect(await house.rows("SELECT properties FROM ingestion.events WHERE message_id = 'bytes'")).toEqual([{ properties: { a: 'c\ufffd' } }]);
  });

  test('of the year 9999, or of before 1970, is stored at the bound and marked', async () => {
    const times = ['9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '1066-10-14T09:00:00Z'];
    const events = times.map((time, at) => track(`bound ${at}`, '{}', `,"timestamp":"${time}"`));
    expect((await post(`{"batch":[${events.join(',')}]}`)).status).toBe(200);
    const rows = await house.rows("SELECT occurred_at < now() + interval '25 hours' AND time_clamped AS bounded FROM ingestion.events WHERE message_id LIKE 'bound %'");
    expect(rows).toEqual(times.map(() => ({ bounded: true })));
  });

  test('whose JSON says NaN makes its request unreadable, and nothing of it is stored', async () => {
    expect((await post(`{"batch":[${track('nan', '{"a":NaN}')}]}`)).status).toBe(400);
    expect(await house.rows("SELECT FROM ingestion.events WHERE message_id = 'nan'")).toEqual([]);
  });
});

test('200,000 distinct property names over many events, and bodies of 10 MB one after the other, leave the memory bounded', async () => {
  const requests = isLong ? 40 : 4;
  const before = await service.residentMiB();
  for (let request = 0; request < 20; request++) {
    const events = Array.from({ length: 100 }, (_, at) => track(`spread ${request} ${at}`, names(100, (request * 100 + at) * 100)));
    expect((await post(`{"batch":[${events.join(',')}]}`)).status).toBe(200);
  }
  const [count] = await house.rows("SELECT count(DISTINCT property)::int AS names FROM ingestion.events, jsonb_object_keys(properties) AS property WHERE message_id LIKE 'spread %'");
  expect(count).toEqual({ names: 200_000 });
  for (let request = 0; request < requests; request++) expect((await post(`{"batch":[${track(`large ${request}`, `{"a":"${'y'.repeat(10_000_000)}"}`)}]}`)).status).toBe(200);
  const after = await service.residentMiB();
  process.stderr.write(`   memory: ${Math.round(before)} MiB before, ${Math.round(after)} MiB after\n`);
  expect(after).toBeLessThan(before + 400);
}, LONG);

test('bodies that are many times as large once they are read are not held together, however many come at once', async () => {
  // Packed, so that they are all there before the first is read.
  const body = new Uint8Array(gzipSync(`{"batch":[${track('parsed', `{"a":[${Array.from({ length: 5_000_000 }, () => '{}').join(',')}]}`)}]}`));
  const answers = await Promise.all(Array.from({ length: 4 }, () => post(body, 'batch', { authorization: AUTHORIZATION, 'content-encoding': 'gzip' })));
  expect(answers.map(({ status }) => status).filter((status) => ![200, 429, 503].includes(status))).toEqual([]);
  expect((await post(`{"batch":[${track('after parsed', '{}')}]}`)).status).toBe(200);
}, LONG);

describe('generated input', () => {
  const AT_ONCE = 50;
  const rounds = (bodies: number) => ({ numRuns: (isLong ? bodies : bodies / 10) / AT_ONCE, endOnFailure: true });
  const many = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: AT_ONCE, maxLength: AT_ONCE });

  const text = fc.string({ unit: 'binary', maxLength: 300 });
  const anything = fc.oneof(fc.jsonValue(), text, fc.double(), fc.constantFrom('', null, 0, -1, 1e308, [], {}, true, '__proto__', '\0', '\ud800'));
  const time = fc.oneof(anything, fc.date({ noInvalidDate: true }).map((date) => date.toISOString()), fc.integer());
  const call = fc.record(
    {
      type: fc.oneof(fc.constantFrom('track', 'identify', 'page', 'screen', 'group', 'alias'), anything),
      event: anything, name: anything, userId: anything, anonymousId: anything, groupId: anything, previousId: anything, messageId: anything,
      timestamp: time, originalTimestamp: time, sentAt: time, properties: anything, traits: anything, context: anything,
    },
    { requiredKeys: ['type'] },
  );
  const body = fc.oneof(
    { weight: 6, arbitrary: fc.record({ batch: fc.oneof(fc.array(fc.oneof(call, anything), { maxLength: 5 }), anything), context: anything, sentAt: time, writeKey: anything }, { requiredKeys: ['batch'] }).map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: call.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: fc.tuple(call, fc.nat(), text).map(([value, at, inserted]) => spliced(JSON.stringify(value), at, inserted)) },
  );
  const path = fc.constantFrom('batch', 'identify', 'track', 'page', 'screen', 'group', 'alias', 'b', 'i', 't', 'p', 's', 'g', 'a');
  const authorization = fc.oneof(
    { weight: 8, arbitrary: fc.constant(AUTHORIZATION) },
    { weight: 1, arbitrary: fc.constantFrom(`Bearer ${WRITE_KEY}`, 'Basic', 'Bearer ', 'Basic !!!!', `Basic ${Buffer.from(WRITE_KEY).toString('base64')}`) },
    { weight: 1, arbitrary: fc.base64String().map((value) => `Basic ${value}`) },
  );

  test('over HTTP is never answered with 5xx, and never ends the service', async () => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(many(fc.tuple(path, body, authorization)), async (requests) => {
        const answers = await Promise.all(requests.map(async ([to, content, header]) => (await post(content, to, { authorization: header })).status));
        for (const status of answers) seen.set(status, (seen.get(status) ?? 0) + 1);
        expect(answers.filter((status) => status >= 500)).toEqual([]);
      }),
      rounds(7_000),
    );
    process.stderr.write(`   HTTP: ${[...seen].map(([status, count]) => `${count} times ${status}`).join(', ')}\n`);
    // Otherwise nothing but the door would have been tried.
    expect(seen.get(200)).toBeGreaterThan(0);
  }, LONG);

  test('of any method of any service over gRPC is never answered with a failure of the service', async () => {
    const principals = [await house.principal(), await house.servicePrincipal()];
    const known = await house.rows<{ id: string }>(
      `(SELECT id::text FROM ingestion.rejected_events LIMIT 5) UNION ALL (SELECT id::text FROM ingestion.subjects LIMIT 5) UNION ALL (SELECT external_id FROM ingestion.subjects LIMIT 5)`,
    );
    const ids = fc.oneof(fc.constantFrom(WORKSPACE, ...known.map(({ id }) => id)), fc.uuid());
    const written = call.map((value) => JSON.stringify(value));
    const said = fc.oneof(text, ids, written, fc.constantFrom('', 'u', 'Seen', '2026-01', 'import:x', 'a.csv', 'a.parquet', 'a.ndjson', '{}', '[]', '{"type":"object"}'), fc.json(), fc.date({ noInvalidDate: true }).map((date) => date.toISOString()));
    const bytes = fc.oneof(written.map((json) => Buffer.from(json)), fc.array(anything, { maxLength: 5 }).map((calls) => Buffer.from(JSON.stringify(calls))), fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)));
    const attempt = { address: service.grpc, folder: 'kindred/ingestion/v1', principals, leaves: { text: said, bytes }, rounds: isLong ? 400 : 40 };
    const { services, methods, well } = await tryAnyCalls(attempt);
    process.stderr.write(`   ${methods} methods, ${well} of them answered well\n`);
    expect([services, well > methods / 3]).toEqual([namesOf(ingestionService.services), true]);
  }, LONG);
});

test('after all of this the service is the same process, and the ledger agrees with the tables', async () => {
  expect(service.hasEnded()).toBe(false);
  expect(await ledgerGaps(house)).toEqual([]);
});

function spliced(json: string, at: number, inserted: string): string {
  const place = at % json.length;
  return json.slice(0, place) + inserted + json.slice(place);
}
