import { Readable } from 'node:stream';

import { v7 as uuid } from 'uuid';

import { openArtifactStore } from '#libs/artifacts';
import { ingestion, quarantine, trackingPlan } from '#libs/contracts';

import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

const { STORED, DUPLICATE, STILL_REJECTED } = quarantine.ReplayOutcome;

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

async function imported(content: string, fileName: string, mapping: object): Promise<ingestion.Import> {
  const { path } = await openArtifactStore(kindred.platform.artifactUrl).write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: `data${/\.[a-z]+$/.exec(fileName)?.[0] ?? ''}` }, Readable.from([content]));
  const { import: started } = await kindred.imports.startImport({ artifact: path, fileName, mapping: JSON.stringify(mapping) }, call);
  let last = started;
  for await (const { import: now } of kindred.imports.watchImport({ id: started?.id ?? '' }, call)) last = now;
  if (last?.state !== ingestion.ImportState.SUCCEEDED) throw new Error(`the import ended otherwise: ${last?.error}`);
  return last;
}
const importFile = async (...file: Parameters<typeof imported>) => `import:${(await imported(...file)).id}`;
/** In the order of their lines: refused rows are read in any. */
const rowsOf = async (source: string) => {
  const { events } = await kindred.events.listRejectedEvents({ page: undefined, reason: '', source, state: ingestion.RejectedEventState.OPEN }, call);
  return events.toSorted((one, other) => lineOf(one) - lineOf(other));
};
const lineOf = ({ source }: ingestion.RejectedEvent) => Number(/line (\d+)$/.exec(source)?.[1]);
const mend = (id: string, payload: object) => kindred.quarantine.mendRejectedEvent({ id, payload: JSON.stringify(payload) }, call);
const replay = async (source: string, mapping: object | '' = '') =>
  (await kindred.quarantine.replayRejectedEvents({ selection: { ids: [], reason: '', source }, first: 0, mapping: mapping === '' ? '' : JSON.stringify(mapping), after: '' }, call)).results;
const eventsOf = async (userId: string) => {
  const { customer } = await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: userId } }, call);
  const { events } = await kindred.eventsOf(customer?.id);
  return events.map(({ name, occurredAt, properties }) => ({ name, at: occurredAt?.slice(0, 19), properties: JSON.parse(properties) as unknown }));
};
const ledger = () => kindred.events.getEventLedger({ from: undefined, to: undefined }, call);

const VISITS = 'who,when,amount,page\nann,2026-01-01 10:00,5,home\nbob,yesterday,7,home\nbob,yesterday,7,home\ncid,2026-01-02 10:00,many,home\n';
const MAPPING = {
  customer: { column: 'who' }, time: { column: 'when', timezone: 'Europe/London' }, event: { name: 'Visited' },
  properties: { amount: { column: 'amount', kind: 'numeric' }, page: { column: 'page' } },
};

test('rows are mended as JSON and become events by the mapping of their import; the ledger has them as arrivals', async () => {
  const source = await importFile(VISITS, 'visits.csv', MAPPING);
  const [first, second, third] = await rowsOf(source);
  expect([first, third].map((row) => [row?.reason, row?.unit, JSON.parse(row?.payload ?? '')])).toEqual([
    ['TIME_INVALID', ingestion.RejectedEventUnit.ROW, { who: 'bob', when: 'yesterday', amount: '7', page: 'home' }],
    ['VALUE_INVALID', ingestion.RejectedEventUnit.ROW, { who: 'cid', when: '2026-01-02 10:00', amount: 'many', page: 'home' }],
  ]);
  const before = await ledger();
  const row = { who: 'bob', when: '2026-07-01 10:00', amount: '7', page: 'home' };
  await expect(mend(first?.id ?? '', { ...row, when: 'tomorrow' })).rejects.toMatchObject({ reason: 'STILL_REJECTED', metadata: { reason: 'TIME_INVALID' } });
  // Two rows that say the same are two events.
  for (const one of [first, second]) await mend(one?.id ?? '', row);
  const fates = (await replay(source)).map(({ outcome, reason }) => ({ outcome, reason })).toSorted((one, other) => one.reason.localeCompare(other.reason));
  expect(fates).toEqual([{ outcome: STORED, reason: '' }, { outcome: STORED, reason: '' }, { outcome: STILL_REJECTED, reason: 'VALUE_INVALID' }]);
  const visited = { name: 'Visited', at: '2026-07-01T09:00:00', properties: { amount: 7, page: 'home' } };
  expect(await eventsOf('bob')).toEqual([visited, visited]);
  const after = await ledger();
  expect([after.received - before.received, after.stored - before.stored, after.rejected - before.rejected]).toEqual([2, 2, 0]);
  expect(await replay(source)).toMatchObject([{ outcome: STILL_REJECTED }]);
});

test('an event of a file that is refused for whom it is of is open after a replay as before, and is stored once it may be', async () => {
  const source = await importFile('who,when,amount,page\nnull,2026-01-01 10:00,5,home\n', 'nobody.csv', MAPPING);
  const [before] = await rowsOf(source);
  for (let time = 0; time < 2; time++) expect(await replay(source)).toMatchObject([{ id: before?.id, outcome: STILL_REJECTED, reason: 'ID_BLOCKED', changed: false }]);
  expect(await rowsOf(source)).toEqual([before]);
  await kindred.identity.setBlockedId({ value: 'null', blocked: false }, call);
  expect(await replay(source)).toMatchObject([{ outcome: STORED }]);
  await kindred.identity.setBlockedId({ value: 'null', blocked: true }, call);
  expect(await eventsOf('null')).toMatchObject([{ name: 'Visited' }]);
});

test('a mapping that was wrong is replaced, and the rows it refused are replayed by the new one', async () => {
  const source = await importFile('who,when,size\ndot,01/02/2026,3\ndot,03/02/2026,4\n', 'dates.csv', { ...MAPPING, time: { column: 'when', format: '%Y-%m-%d' }, properties: { size: { column: 'size' } } });
  const better = { ...MAPPING, time: { column: 'when', format: '%d/%m/%Y' }, properties: { size: { column: 'size' } } };
  await expect(replay(source, { ...better, customer: 1 })).rejects.toMatchObject({ reason: 'MAPPING_INVALID' });
  expect((await replay(source, better)).map(({ outcome }) => outcome)).toEqual([STORED, STORED]);
  // What the column is, is said by the file: a number.
  expect((await eventsOf('dot')).map(({ at, properties }) => [at, properties])).toEqual([['2026-02-03T00:00:00', { size: 4 }], ['2026-02-01T00:00:00', { size: 3 }]]);
});

test.each([
  ['sizes.csv', 'who,when,size\n ina ,01/02/2026,3\nina,01/02/2026,\nina,01/02/2026,\nina,2026-02-05,5\nina,2026-02-05,5\n'],
  ['sizes.ndjson', ['01/02/2026', '01/02/2026', '2026-02-05', '2026-02-05'].map((when) => JSON.stringify({ when, who: 'ina', size: 3, tags: ['a', { b: null }] })).join('\n')],
])('rows of %s that were replayed by another mapping are known when the file is imported again by it, those that say the same too', async (name, content) => {
  const of = (format: string[]) => ({ ...MAPPING, event: { name: `Sized in ${name}` }, time: { column: 'when', format }, properties: { size: { column: 'size' } } });
  const first = await imported(content, name, of(['%Y-%m-%d']));
  const rows = content.trim().split('\n').length - (name.endsWith('.csv') ? 1 : 0);
  expect([first.eventsStored, first.rejected]).toEqual([2, [{ reason: 'TIME_INVALID', rows: rows - 2 }]]);
  const better = of(['%Y-%m-%d', '%d/%m/%Y']);
  await expect(replay(`import:${first.id}`, { ...better, customer: { column: 'whom' } })).rejects.toMatchObject({
    reason: 'MAPPING_INVALID', metadata: { column: 'whom' }, message: expect.stringMatching(/"whom".*It has:.*who/) as string,
  });
  // The last of those that say the same alone: it keeps its number among them.
  const last = (await rowsOf(`import:${first.id}`)).reduce((one, other) => (lineOf(one) > lineOf(other) ? one : other));
  const alone = await kindred.quarantine.replayRejectedEvents({ selection: { ids: [last.id], reason: '', source: '' }, first: 0, mapping: JSON.stringify(better), after: '' }, call);
  expect(alone.results).toMatchObject([{ outcome: STORED, messageId: expect.stringMatching(/^[0-9a-f]{32}-1$/) as string }]);
  expect((await replay(`import:${first.id}`, better)).map(({ outcome }) => outcome)).toEqual(Array.from({ length: rows - 3 }, () => STORED));
  expect(await imported(content, name, better)).toMatchObject({ rejected: [], rowsFolded: rows, eventsStored: 0, eventsDuplicate: rows });
});

test('a row with a message id of its own is a duplicate of the event that has it', async () => {
  const source = await importFile('id,who,when\n7,eve,2026-01-01\n7,eve,never\n', 'ids.csv', { ...MAPPING, messageId: { column: 'id', prefix: 'ids-' }, properties: {} });
  const [row] = await rowsOf(source);
  await mend(row?.id ?? '', { id: '7', who: 'eve', when: '2026-01-02' });
  expect(await replay(source)).toMatchObject([{ outcome: DUPLICATE, messageId: 'ids-7' }]);
});

test('a row that is a part of a folded event is to be mended in its file, and is told so', async () => {
  const source = await importFile('order,who,when\n1,fay,2026-01-01\n1,fay,never\n', 'orders.csv', { ...MAPPING, properties: {}, fold: { by: ['order'] } });
  const [row] = await rowsOf(source);
  await expect(mend(row?.id ?? '', { order: '1', who: 'fay', when: '2026-01-01' })).rejects.toMatchObject({ metadata: { reason: 'ROW_FOLDED' }, message: expect.stringContaining('file') as string });
  expect(await replay(source)).toMatchObject([{ outcome: STILL_REJECTED, reason: 'ROW_FOLDED' }]);
});

test('events of a file that a plan refuses are kept with their line, and replayed when the plan is mended', async () => {
  const declare = (schema: object) => kindred.plans.setTrackingPlanEvent({ event: 'Checked', schema: JSON.stringify(schema), mode: trackingPlan.PlanMode.ENFORCE }, call);
  await declare({ properties: { amount: { maximum: 5 } } });
  const source = await importFile('who,when,amount\nhal,2026-01-01,5\nhal,2026-01-02,7\n', 'checked.csv', { ...MAPPING, event: { name: 'Checked' }, properties: { amount: { column: 'amount', kind: 'numeric' } } });
  const [refused] = await rowsOf(source);
  expect(refused).toMatchObject({ reason: 'PLAN_VIOLATION', source: `${source} line 3`, unit: ingestion.RejectedEventUnit.EVENT });
  const { violations } = await kindred.plans.listTrackingPlanViolations({ event: 'Checked', from: undefined, first: 0 }, call);
  expect(violations).toMatchObject([{ property: 'amount', rule: 'maximum', source, count: 1, refused: 1 }]);
  const before = await ledger();
  await declare({ properties: { amount: { maximum: 9 } } });
  expect(await replay(source)).toMatchObject([{ outcome: STORED, messageId: refused?.messageId }]);
  expect(await eventsOf('hal')).toMatchObject([{ properties: { amount: 7 } }, { properties: { amount: 5 } }]);
  const after = await ledger();
  expect([after.received - before.received, after.stored - before.stored, after.rejected - before.rejected]).toEqual([0, 1, -1]);
});

test('a broken line of a file in Segment’s form is mended to a call', async () => {
  const source = await importFile('{"type":"track","userId":"gil","event":"Seen","messageId":"gil-1"}\n{"type":"track","userId":"gil"\n', 'calls.ndjson', { form: 'segment' });
  const [row] = await rowsOf(source);
  await mend(row?.id ?? '', { type: 'track', userId: 'gil', event: 'Mended', timestamp: '2025-01-01T00:00:00Z' });
  expect(await replay(source)).toMatchObject([{ outcome: STORED, messageId: row?.id }]);
  expect((await eventsOf('gil')).map(({ name }) => name).sort()).toEqual(['Mended', 'Seen']);
});
