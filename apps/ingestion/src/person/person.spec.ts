import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { jwtVerify } from 'jose';
import { v7 as uuid } from 'uuid';

import { openArtifactStore } from '#libs/artifacts';
import { PrincipalSigner } from '#libs/auth';
import { ingestion, person, training } from '#libs/contracts';

import { SECRET, WORKSPACE } from '../testing/ingestion-under-test.js';
import { personHouse } from '../testing/person.house.js';
import { tablesWith as tablesWithIn } from '../testing/tables-with.js';
import { receiptKey } from './person.receipt.js';

const { EXPORT, ERASE, SUPPRESS } = person.PersonRequestKind;
const { SUCCEEDED } = person.PersonRequestState;

const house = personHouse();
afterEach(() => {
  house.peers.isAway = false;
  house.peers.models.clear();
  house.peers.run = undefined;
  house.peers.forgotten.length = 0;
  house.peers.labels.length = 0;
});

let count = 0;
const send = async (...events: object[]) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `person-event-${count++}`, ...event })));
  return (await house.kindred.events.trackEvents({ events: encoded, sentAt: undefined }, house.call)).results;
};
const start = (...asked: Parameters<typeof house.start>) => house.start(...asked);
const get = (id: string) => house.get(id);
const ended = (id: string) => house.ended(id);
const fileOf = async ({ artifact }: person.PersonRequest) => readFile(join(fileURLToPath(house.kindred.platform.artifactUrl), artifact), 'utf8');

const tablesWith = (text: string) => tablesWithIn(house.kindred.sql, text);

/** A refused event, and what somebody mended it to. */
async function mended(event: { messageId: string }, better: object): Promise<void> {
  await send(event);
  const { rows } = await house.kindred.sql.query<{ id: string }>('SELECT id FROM ingestion.rejected_events WHERE message_id = $1', [event.messageId]);
  await house.kindred.quarantine.mendRejectedEvent({ id: rows[0]?.id ?? '', payload: JSON.stringify({ type: 'track', event: 'Seen', ...event, ...better }) }, house.call);
}

/** Somebody of whom every table holds something. */
async function somebody(name: string): Promise<string> {
  await send({ anonymousId: `${name}-device`, properties: { note: `${name}-secret` } });
  await send(
    { anonymousId: `${name}-device`, userId: `${name}-user` },
    { type: 'identify', userId: `${name}-user`, traits: { email: `${name}-mail@example.org` } },
    { type: 'alias', previousId: `${name}-former`, userId: `${name}-user` },
    { userId: `${name}-user`, messageId: `${name}-twice`, timestamp: '2026-01-01T00:00:00Z' },
  );
  await mended({ messageId: `${name}-lost` }, { userId: `${name}-user`, properties: { note: `${name}-secret` } });
  // Again, refused, and on a device of theirs that somebody else uses too.
  await send({ userId: `${name}-user`, messageId: `${name}-twice` }, { type: 'track', event: '', userId: `${name}-user` }, { anonymousId: `${name}-device`, userId: `${name}-friend` });
  const { customer } = await house.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: `${name}-user` } }, house.call);
  return customer?.id ?? '';
}

const labelOf = (userId: string) => ({ labelSetId: 'l1', labelSet: 'Complained', userId, value: true, asOf: undefined, addedAt: undefined });

test('an export holds events in Segment’s form, also refused ones, attributes, identity, memberships and how they changed, labels and predictions', async () => {
  const customerId = await somebody('exported');
  // Of somebody else, who merely speaks of them.
  await send({ type: 'track', event: '', userId: 'gossip', properties: { about: 'exported-user' } });
  house.peers.labels.push(labelOf('exported-user'), { ...labelOf('exported-user'), labelSet: 'Spent', value: false, number: 7.5 }, labelOf('bystander-user'));
  const request = await ended(await start(EXPORT, 'exported-user'));
  expect(request).toMatchObject({ state: SUCCEEDED, kind: EXPORT, requestedBy: 'key:test', error: '' });
  const lines = (await fileOf(request)).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.slice(0, 3)).toMatchObject([
    { record: 'identity', userIds: ['exported-user'], anonymousIds: ['exported-device', 'exported-former'], merges: [{ cause: 'SEEN_TOGETHER' }, { cause: 'ALIAS' }] },
    { record: 'attributes', attributes: [{ of: 'exported-user', name: 'email', value: 'exported-mail@example.org' }] },
    { record: 'memberships' },
  ]);
  expect(lines[2]).toMatchObject({ memberships: expect.arrayContaining([expect.objectContaining({ segment: 'Regulars', strength: 0.5 })]) });
  expect(lines[3]).toEqual({
    record: 'labels', labels: [{ labelSet: 'Complained', userId: 'exported-user', value: true, asOf: null }, { labelSet: 'Spent', userId: 'exported-user', value: 7.5, asOf: null }],
  });
  expect(lines[4]).toMatchObject({
    record: 'predictions', predictions: expect.arrayContaining([{ labelSet: 'Complained', probability: 0.25, asOf: '' }, { labelSet: 'Spent', number: 12.5, low: 10, high: 20, asOf: '' }]),
  });
  const customerIds = lines[0]?.['customerIds'] as string[];
  expect(customerIds).toContain(customerId);
  expect(lines.slice(5).map(({ record }) => record)).toEqual([...customerIds.map(() => 'membershipChange'), 'rejected', 'rejected', ...Array.from({ length: 5 }, () => undefined)]);
  expect(lines[5]).toEqual({ record: 'membershipChange', from: null, to: 'Regulars', strength: 0.5, at: '2026-01-02T00:00:00.000Z' });
  expect(lines.at(-7)).toMatchObject({ reason: 'ID_MISSING', event: { userId: 'exported-user', messageId: 'exported-lost' } });
  expect(lines.at(-6)).toMatchObject({ reason: 'NAME_MISSING', source: 'graphql', event: { type: 'track', event: '', userId: 'exported-user' } });
  expect(lines.at(-5)).toMatchObject({ type: 'track', event: 'Seen', userId: 'exported-user', timestamp: '2026-01-01T00:00:00.000000Z', messageId: 'exported-twice' });
});

test('after an erasure no table of ingestion holds the ids or what the events said, and the others keep theirs', async () => {
  const customerId = await somebody('erased');
  await somebody('bystander');
  house.peers.labels.push(labelOf('erased-user'), labelOf('bystander-user'));
  const exported = await ended(await start(EXPORT, 'erased-user'));
  const names = ['erased-user', 'erased-device', 'erased-former', 'erased-secret', 'erased-mail', 'erased-twice', 'erased-lost'];
  for (const name of names) expect((await tablesWith(name)).length).toBeGreaterThan(0);
  house.peers.models.set('0a000000-0000-4000-8000-000000000001', { horizon: Number.MAX_SAFE_INTEGER, sequence: 1 });
  house.peers.models.set('0a000000-0000-4000-8000-000000000002', { horizon: 1, sequence: 1 });

  const request = await ended(await start(ERASE, 'erased-user'));
  expect(request).toMatchObject({ state: SUCCEEDED, modelIds: ['0a000000-0000-4000-8000-000000000001'] });
  for (const name of names) expect([name, await tablesWith(name)]).toEqual([name, []]);
  expect(house.peers.labels).toEqual([labelOf('bystander-user')]);
  expect(house.peers.forgotten).toHaveLength(1);
  expect(house.peers.forgotten[0]).toContain(customerId);
  await expect(fileOf(exported)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await get(exported.id)).artifact).toBe('');

  const rows = Object.fromEntries(request.tables.map(({ table, rows: removed }) => [table, removed]));
  expect(rows).toMatchObject({
    'ingestion.events': 5, 'ingestion.duplicate_events': 1, 'ingestion.rejected_events': 2, 'ingestion.subject_attributes': 1, 'ingestion.subjects': 3, 'serving.memberships': 3,
    'ingestion.events (ids taken out)': 1, 'training.labels': 1,
  });
  const friend = await house.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'erased-friend' } }, house.call);
  expect(friend.customer?.eventCount).toBe(1);
  const bystander = await house.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'bystander-user' } }, house.call);
  expect(bystander.customer?.eventCount).toBe(5);
});

test('a receipt is signed, and says what was deleted without naming the person', async () => {
  await somebody('receipted');
  const request = await ended(await start(ERASE, 'receipted-user'));
  const { payload } = await jwtVerify(request.receipt, receiptKey(SECRET), { issuer: 'kindred', audience: 'kindred:person-receipt', algorithms: ['HS256'] });
  expect(payload).toMatchObject({ ws: WORKSPACE, sub: request.id, kind: 'ERASE', requestedBy: 'key:test', models: [], tables: { 'ingestion.events': 5 } });
  expect(JSON.stringify(payload)).not.toContain('receipted');
  await expect(jwtVerify(request.receipt, receiptKey(`${SECRET}?`))).rejects.toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
});

const [EARLY, LATE] = [{ horizon: 1, sequence: 1 }, { horizon: Number.MAX_SAFE_INTEGER, sequence: 1 }];
test.each([
  ['exports its snapshot', { state: training.RunState.SNAPSHOTTING }, true],
  ['learns from a snapshot that reaches to the person', { state: training.RunState.TRAINING, position: LATE }, true],
  ['learns from one that ends before', { state: training.RunState.TRAINING, position: EARLY }, false],
  ['has not begun', { state: training.RunState.QUEUED }, false],
  ['is over', { state: training.RunState.FAILED, position: LATE, finishedAt: '2026-01-01T00:00:00Z' }, false],
])('a run that %s is named in the receipt where it may learn from the person', async (what, run, isNamed) => {
  const user = `run ${what}-user`;
  await send({ userId: user });
  house.peers.run = training.Run.fromPartial({ id: '0a000000-0000-4000-8000-00000000000a', ...run });
  const request = await ended(await start(ERASE, user));
  const { payload } = await jwtVerify(request.receipt, receiptKey(SECRET));
  const expected = isNamed ? ['0a000000-0000-4000-8000-00000000000a'] : [];
  expect([request.runIds, payload['runs'], request.modelIds]).toEqual([expected, expected, []]);
});

test('a retry does not bring an erased event back, and the same person may come again as somebody new', async () => {
  const before = await somebody('again');
  await ended(await start(ERASE, 'again-user'));
  const [retried, fresh] = await send({ userId: 'again-user', messageId: 'again-twice' }, { userId: 'again-user' });
  expect([retried?.outcome, fresh?.outcome]).toEqual([ingestion.EventOutcome.DUPLICATE, ingestion.EventOutcome.STORED]);
  const { customer } = await house.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'again-user' } }, house.call);
  expect(customer?.eventCount).toBe(1);
  expect(customer?.id).not.toBe(before);
});

test('events of somebody who is suppressed are dropped, and nothing of them is kept', async () => {
  const customerId = await somebody('quiet');
  const suppressed = await ended(await start(SUPPRESS, 'quiet-user'));
  expect(suppressed).toMatchObject({ state: SUCCEEDED });
  // Files of exports are rid of them too, and the receipt says so.
  expect(house.peers.takenOut.at(-1)).toContain(customerId);
  expect(suppressed.tables).toContainEqual({ table: 'serving.exports (rows)', rows: 2 });
  const { customers: named } = await house.kindred.customers.nameCustomers({ ids: [customerId] }, { principal: await new PrincipalSigner(SECRET).service('serving', WORKSPACE) });
  expect(named).toMatchObject([{ requestedId: customerId, userId: 'quiet-user', suppressed: true }]);
  await ended(await start(ERASE, 'quiet-user'));
  const results = await send(
    { userId: 'quiet-user', properties: { note: 'quiet-secret' } },
    { anonymousId: 'quiet-device' },
    { type: 'alias', previousId: 'quiet-former', userId: 'loud-user' },
    { userId: 'quiet-user', event: '', properties: { note: 'quiet-secret' } },
    { userId: 'loud-user', messageId: 'loud' },
  );
  // The sender is told what is wrong with the fourth; what is kept says no more than of the others.
  expect(results.map(({ reason }) => reason)).toEqual(['SUPPRESSED', 'SUPPRESSED', 'SUPPRESSED', 'NAME_MISSING', '']);
  for (const name of ['quiet-user', 'quiet-device', 'quiet-former', 'quiet-secret']) expect([name, await tablesWith(name)]).toEqual([name, []]);
  const ledger = await house.kindred.events.getEventLedger({ from: undefined, to: undefined }, house.call);
  expect(ledger.received).toBe(ledger.stored + ledger.duplicate + ledger.rejected);
});

async function importRows(content: string, fileName: string, ids: { customer: object } | { anonymous: object }): Promise<void> {
  const { path } = await openArtifactStore(house.kindred.platform.artifactUrl).write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: `data${fileName.slice(4)}` }, Readable.from([content]));
  const mapping = { ...ids, time: { column: 'when' }, event: { name: 'Seen' } };
  const { import: started } = await house.kindred.imports.startImport({ artifact: path, fileName, mapping: JSON.stringify(mapping) }, house.call);
  for await (const _ of house.kindred.imports.watchImport({ id: started?.id ?? '' }, house.call));
}

test.each([
  ['userId', 'customer', 'shop'],
  ['anonymousId', 'anonymous', 'cafe'],
] as const)('refused rows of files whose %s is made of several columns are exported, erased and dropped, and no other’s are', async (of, field, shop) => {
  const id = `${shop}-17`;
  await send({ [of]: id });
  const ids = { [field]: { column: ['shop', 'who'] } } as Parameters<typeof importRows>[2];
  await importRows(`shop,who,when,note\n${shop},17,yesterday,mine of ${shop}\n${shop},18,yesterday,of 17 of ${shop}\nelse,17,yesterday,${id}\n`, 'rows.csv', ids);
  const lines = (await fileOf(await ended(await start(EXPORT, id, of)))).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ record }) => record === 'rejected')).toMatchObject([{ reason: 'TIME_INVALID', row: { shop, who: '17', note: `mine of ${shop}` } }]);
  await ended(await start(ERASE, id, of));
  expect([await tablesWith(`mine of ${shop}`), await tablesWith(`of 17 of ${shop}`)]).toEqual([[], ['rejected_events']]);
  await ended(await start(SUPPRESS, id, of));
  await importRows(`shop,who,when,note\n${shop},17,tomorrow,mine of ${shop}\n${shop},18,tomorrow,theirs of ${shop}\n`, 'rows.csv', ids);
  expect([await tablesWith(`mine of ${shop}`), await tablesWith(`theirs of ${shop}`)]).toEqual([[], ['rejected_events']]);
});

test('nothing is kept of a suppressed person whose row of a file is refused either, whatever its columns are named', async () => {
  await ended(await start(SUPPRESS, 'filed-user'));
  const file = { 'rows.csv': 'who,when,note\nfiled-user,yesterday,filed-secret\nother-user,yesterday,other-secret\n', 'rows.ndjson': '{"who":"other-user","when":"2026-01-01"}\n{"who":"filed-user","when":filed-secret}\n' };
  for (const [fileName, content] of Object.entries(file)) await importRows(content, fileName, { customer: { column: 'who' } });
  // Nor of what is all but JSON.
  await house.kindred.events.trackEvents({ events: [Buffer.from('{"type":"track","event":"Seen","userId":"filed-user","properties":{"note":"filed-secret","n":NaN}}')], sentAt: undefined }, house.call);
  for (const name of ['filed-user', 'filed-secret']) expect([name, await tablesWith(name)]).toEqual([name, []]);
  expect(await tablesWith('other-secret')).toEqual(['rejected_events']);
});

test('somebody who was only ever refused can be erased and suppressed by an id', async () => {
  await send({ event: '', userId: 'refused-user' });
  expect(await tablesWith('refused-user')).toEqual(['rejected_events']);
  expect(await ended(await start(ERASE, 'refused-user'))).toMatchObject({ state: SUCCEEDED });
  expect(await tablesWith('refused-user')).toEqual([]);
  await expect(start(EXPORT, 'refused-user')).rejects.toMatchObject({ reason: 'CUSTOMER_UNKNOWN' });
});

test('after erasures the ledger agrees with what is left, with repeated and refused events too', async () => {
  const event = { userId: 'counted-user', messageId: 'counted' };
  await send(event, event, { ...event, messageId: 'counted-refused', event: '' });
  const ledger = () => house.kindred.events.getEventLedger({ from: undefined, to: undefined }, house.call);
  const { received, duplicate, rejected } = await ledger();
  expect((await ended(await start(ERASE, 'counted-user'))).tables).toEqual(
    expect.arrayContaining([{ table: 'ingestion.duplicate_events', rows: 1 }, { table: 'ingestion.rejected_events', rows: 1 }]),
  );
  const erased = Date.now();
  let now = await ledger();
  while (Date.parse(now.reconciledAt ?? '') <= erased || now.reconciledAt === undefined) now = await ledger();
  expect(now).toMatchObject({ received, duplicate, rejected, difference: 0 });
});

test('while serving is away an erasure waits with what is left of it, and then ends once', async () => {
  await somebody('waiting');
  house.peers.isAway = true;
  const id = await start(ERASE, 'waiting-user');
  while ((await house.kindred.sql.query('SELECT 1 FROM ingestion.subjects WHERE external_id = $1', ['waiting-user'])).rows.length > 0) await wait(20);
  expect((await get(id)).finishedAt).toBeUndefined();
  house.peers.isAway = false;
  const request = await ended(id);
  expect(request.tables).toEqual(expect.arrayContaining([{ table: 'ingestion.events', rows: 5 }, { table: 'serving.memberships', rows: 3 }]));
  expect(house.peers.forgotten).toHaveLength(1);
});

test('requests are listed newest first', async () => {
  await somebody('listed');
  const id = await start(EXPORT, 'listed-user');
  await ended(id);
  const { requests, pageInfo } = await house.kindred.persons.listPersonRequests({ page: { first: 1, after: '' } }, house.call);
  expect(requests.map((request) => request.id)).toEqual([id]);
  expect(pageInfo?.hasNextPage).toBe(true);
  await expect(house.kindred.persons.getPersonRequest({ id: WORKSPACE }, house.call)).rejects.toMatchObject({ reason: 'PERSON_REQUEST_UNKNOWN' });
});
