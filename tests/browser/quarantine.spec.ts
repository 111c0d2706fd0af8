// The quarantine and the tracking plan on the admin page, in a real Chromium: what an event went through until it was taken in.
import { randomUUID } from 'node:crypto';

import { api, post, ready, until } from '../e2e/ready.ts';
import { adminPage, NARROW, WIDE } from './admin-page.ts';

const run = randomUUID().slice(0, 8);
const event = `Paid In Browser ${run}`;

const admin = adminPage();

const menu = (name: string): Promise<void> => admin.menu(name);
const shoot = (name: string): Promise<unknown> => admin.shoot(name);
const region = (name: string | RegExp) => admin.region(name);
const dialog = () => admin.page.getByRole('dialog');

async function send(messageId: string, more: object): Promise<void> {
  expect((await post('/v1/batch', { batch: [{ type: 'track', userId: `browser-${run}`, messageId, ...more }] })).status).toBe(200);
}
const outcomeOf = async (messageId: string): Promise<string | undefined> =>
  (await api().ask<{ eventReceipt: { outcome: string } | null }>('query($id: String!) { eventReceipt(messageId: $id) { outcome } }', { id: messageId })).eventReceipt?.outcome;

test('a refused event is found by its reason, mended, and taken in', async () => {
  const messageId = `nameless-${run}`;
  await send(messageId, { properties: { revenue: 5 } });
  expect(await outcomeOf(messageId)).toBe('REJECTED');
  await menu('Quarantine');
  await region('Refused, by reason and source').getByRole('button', { name: 'Look at one: Name missing from http' }).click();
  const one = region(/^One of them: Name missing/);
  expect(await one.getByRole('button', { name: 'Mend and replay' }).isDisabled()).toBe(true);
  const text = one.getByRole('textbox');
  const came = JSON.parse(await text.inputValue()) as { messageId: string };
  expect(came.messageId).toBe(messageId);
  await text.fill('{');
  await one.getByRole('button', { name: 'Mend and replay' }).click();
  await one.getByText('This is no JSON yet.').waitFor();
  await text.fill(JSON.stringify({ ...came, event: 'Named After All' }, null, 2));
  await shoot('quarantine');
  await one.getByRole('button', { name: 'Mend and replay' }).click();
  await one.waitFor({ state: 'detached' });
  expect(await outcomeOf(messageId)).toBe('STORED');
}, 90_000);

test('rows that a mapping could not read are replayed by another one, and what shall never come in is discarded with a reason', async () => {
  const customer = `mapped-${run}`;
  const mapping = { customer: { column: 'who' }, time: { column: 'when', format: '%Y-%m-%d' }, event: { name: 'Visited' }, properties: { size: { column: 'size', kind: 'numeric' } } };
  const { createUpload } = await api().ask<{ createUpload: { id: string; url: string } }>('mutation { createUpload(input: { fileName: "visits.csv" }) { ... on Upload { id url } } }');
  await fetch(new URL(createUpload.url, ready().graphql), { method: 'PUT', body: `who,when,size\n${customer},01/02/2026,3\n${customer},2026-02-03,many\n` });
  const { startImport } = await api().ask<{ startImport: { id: string } }>('mutation($input: StartImportInput!) { startImport(input: $input) { ... on Import { id } } }', {
    input: { uploadId: createUpload.id, mapping },
  });
  await until(
    () => api().ask<{ import: { state: string } }>('query($id: ID!) { import(id: $id) { state } }', { id: startImport.id }),
    ({ import: { state } }) => state === 'SUCCEEDED',
    30_000,
  );
  await menu('Quarantine');
  const groups = region('Refused, by reason and source');
  await groups.getByRole('button', { name: /^Another mapping: Time invalid from import/ }).first().click();
  const time = dialog().getByRole('combobox', { name: 'Time' });
  expect(await time.inputValue()).toBe('when');
  await dialog().getByText('All of it, as JSON').click();
  const text = dialog().getByRole('textbox', { name: 'The mapping' });
  const was = JSON.parse(await text.inputValue()) as { time: { format: string } };
  expect(was.time.format).toBe('%Y-%m-%d');
  await text.fill(JSON.stringify({ ...was, customer: { column: 'whom' } }));
  await dialog().getByRole('button', { name: 'Replay' }).click();
  await dialog().getByText('The mapping names the column "whom"').waitFor();
  await text.fill(JSON.stringify({ ...was, time: { column: 'when', format: '%d/%m/%Y' } }, null, 2));
  await shoot('quarantine-mapping');
  await dialog().getByRole('button', { name: 'Replay' }).click();
  await admin.page.getByText('Replayed: 1 event stored, 0 known before, 0 refused still').waitFor();
  const events = () => api().ask<{ customer: { events: { nodes: { occurredAt: string }[] } } | null }>('query($userId: String!) { customer(userId: $userId) { events { nodes { occurredAt } } } }', { userId: customer });
  expect((await events()).customer?.events.nodes).toEqual([{ occurredAt: '2026-02-01T00:00:00.000Z' }]);

  const discard = groups.getByRole('button', { name: /^Discard all: Value invalid from import/ });
  await discard.click();
  expect(await dialog().getByRole('button', { name: 'Discard' }).isDisabled()).toBe(true);
  await dialog().getByRole('textbox', { name: 'Why' }).fill('sizes of a test');
  await dialog().getByRole('button', { name: 'Discard' }).click();
  await admin.page.getByText('1 event discarded.').waitFor();
  await discard.waitFor({ state: 'detached' });
  const { rejectedEvents } = await api().ask<{ rejectedEvents: { nodes: { note: string; resolvedBy: string; payload: string }[] } }>(
    '{ rejectedEvents(state: DISCARDED, reason: "VALUE_INVALID", first: 100) { nodes { note resolvedBy payload } } }',
  );
  expect(rejectedEvents.nodes.find(({ payload }) => payload.includes(customer))).toMatchObject({ note: 'sizes of a test', resolvedBy: expect.stringMatching(/^key:/) as string });
}, 120_000);

test('an event is declared, observed, enforced, and what was refused is replayed once it is observed again', async () => {
  await menu('Tracking plan');
  await admin.page.getByRole('button', { name: 'Declare an event' }).click();
  await dialog().getByRole('textbox', { name: 'Name' }).fill(event);
  await dialog().getByRole('textbox', { name: 'JSON Schema' }).fill('{"type": "colour"}');
  await dialog().getByRole('button', { name: 'Declare' }).click();
  await dialog().getByRole('alert').waitFor();
  await dialog().getByRole('textbox', { name: 'JSON Schema' }).fill('{"type": "object", "properties": {"revenue": {"type": "number"}}}');
  await dialog().getByRole('button', { name: 'Declare' }).click();
  const declared = region('Declared events').getByRole('row').filter({ hasText: event });
  await declared.getByText('observed').waitFor();

  // Replicas follow within five seconds: until then such an event is stored unseen.
  const violation = region('Violations').getByRole('row').filter({ hasText: event });
  let sent = 0;
  await until(async () => {
    await send(`observed-${run}-${sent++}`, { event, properties: { revenue: 'five' } });
    return violation.count();
  }, (rows) => rows > 0, 20_000);
  expect(await violation.getByRole('cell').allInnerTexts()).toEqual(expect.arrayContaining(['revenue', 'type', 'http', '0']));
  expect(await outcomeOf(`observed-${run}-0`)).toBe('STORED');

  await declared.getByRole('button', { name: `Enforce ${event}` }).click();
  await declared.getByText('enforced').waitFor();
  let refused = '';
  await until(async () => {
    refused = `enforced-${run}-${sent++}`;
    await send(refused, { event, properties: { revenue: 'five' } });
    return outcomeOf(refused);
  }, (outcome) => outcome === 'REJECTED', 20_000);
  await shoot('tracking-plan');

  await declared.getByRole('button', { name: `Observe ${event}` }).click();
  await declared.getByText('observed').waitFor();
  await menu('Quarantine');
  const replay = region('Refused, by reason and source').getByRole('button', { name: 'Replay all: Plan violation from http' });
  await until(async () => {
    await replay.click();
    await admin.page.getByText(/^Replayed: /).waitFor();
    return outcomeOf(refused);
  }, (outcome) => outcome === 'STORED', 20_000);
  await menu('Tracking plan');
  await declared.getByRole('button', { name: `Remove ${event}` }).click();
  await dialog().getByRole('button', { name: 'Remove' }).click();
  await declared.waitFor({ state: 'detached' });
}, 120_000);

test('both pages keep the rules of accessibility, and nothing is cut off on a narrow screen', async () => {
  await send(`left-${run}`, { properties: {} });
  for (const place of ['Quarantine', 'Tracking plan']) {
    await admin.page.setViewportSize(WIDE);
    await admin.visit(place);
    expect(await admin.brokenRules()).toEqual([]);
    await admin.page.setViewportSize(NARROW);
    expect(await admin.cutOff()).toBe(0);
    await shoot(`narrow-${place.toLowerCase().replace(' ', '-')}`);
  }
  expect(admin.complaints).toEqual([]);
}, 90_000);
