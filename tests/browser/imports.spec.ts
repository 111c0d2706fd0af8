// Files on the admin page, in a real Chromium: sent, looked at, taken in, and what of them was refused.
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { ownWorkspace } from '../e2e/own-workspace.ts';
import { api, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

// Beside a million customers who only looked in, others would be too few for a model.
let adminKey = '';
const admin = adminPage({ key: async () => (adminKey = (await ownWorkspace()).adminKey) });
const run = randomUUID().slice(0, 8);
const long = `long-${run}.csv.gz`;
const fileName = `visits-${run}.csv`;
const row = (number: number, when = '2026-01-02 10:00'): string => `guest-${run}-${number},${when},Visited,${number}`;
const FILE = ['customer_id,timestamp,event,size', row(1), row(2), row(3, 'some day'), row(4)].join('\n');

const choose = (name: string, content: string | Buffer): Promise<void> =>
  admin.page.getByLabel('One row for each thing that a customer did').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) });
const send = (): Promise<void> => admin.page.getByRole('button', { name: 'Send and look at it' }).click();
const mapping = () => admin.page.getByRole('textbox', { name: 'The mapping' });
const column = (target: string) => admin.page.getByRole('combobox', { name: target, exact: true });
const look = () => admin.page.getByRole('button', { name: 'Look again' }).click();

test('a file that cannot be read is refused in words', async () => {
  await admin.visit('Imports');
  await admin.page.getByRole('link', { name: 'Import a file' }).first().click();
  await admin.page.getByRole('heading', { level: 1, name: 'Import a file' }).waitFor();
  expect(await admin.page.getByRole('button', { name: 'Send and look at it' }).isDisabled()).toBe(true);
  await choose('notes.docx', 'nothing');
  await send();
  await admin.page.getByRole('alert').getByText('The name must end in').waitFor();
}, 90_000);

test('the first rows are shown as events by a guessed mapping, which can be changed', async () => {
  await choose(fileName, FILE);
  await send();
  const shown = admin.region('Of the first 4 rows');
  await shown.getByText('3 become 3 events.').waitFor();
  await shown.getByText('Time invalid 1 row').waitFor();
  await admin.region('What would be refused').getByText('timestamp is "some day", which is no time').waitFor();
  await admin.region('Events as they would be stored').getByText(`guest-${run}-1`).waitFor();
  expect([await column('User id').inputValue(), await column('Anonymous id').inputValue(), await column('Time').inputValue()]).toEqual(['customer_id', '', 'timestamp']);
  await admin.page.getByText('Properties: size').waitFor();
  await admin.shoot('import-preview');
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('columns are chosen for what they are, and the rest are properties', async () => {
  await column('Anonymous id').selectOption('customer_id');
  await column('User id').selectOption('none');
  await column('Event').selectOption('the same for all rows');
  await admin.page.getByRole('textbox', { name: 'Name of all events' }).fill('Walked in');
  await admin.page.getByText('Properties: size, event').waitFor();
  expect(await admin.page.getByRole('button', { name: 'Import', exact: true }).isDisabled()).toBe(true);
  await look();
  const events = admin.region('Events as they would be stored');
  await events.getByText(`"anonymousId": "guest-${run}-1"`).waitFor();
  expect(await events.getByText('"userId"').count()).toBe(0);
  expect(await events.getByText('"event": "Walked in"').count()).toBe(3);
  await column('User id').selectOption('customer_id');
  await column('Anonymous id').selectOption('none');
  await column('Event').selectOption('event');
  await look();
  await events.getByText(`"userId": "guest-${run}-1"`).waitFor();
}, 90_000);

test('what no form shows is changed as JSON', async () => {
  await admin.page.getByText('All of it, as JSON').click();
  const guessed = JSON.parse(await mapping().inputValue()) as { customer: unknown; event: unknown };
  const take = admin.page.getByRole('button', { name: 'Import', exact: true });
  await mapping().fill('{');
  expect(await take.isDisabled()).toBe(true);
  await look();
  await admin.page.getByRole('alert').getByText('The mapping is no JSON object yet.').waitFor();
  await mapping().fill(JSON.stringify({ ...guessed, customer: { column: 'nobody' } }));
  await look();
  await admin.page.getByRole('alert').getByText('The mapping names the column "nobody"').waitFor();
  await mapping().fill(JSON.stringify({ ...guessed, event: { name: `Came ${run}` } }));
  await look();
  await admin.region('Events as they would be stored').getByText(`Came ${run}`).first().waitFor();
  await take.click();
}, 90_000);

test('an import is followed to its end, with its refused rows whole, and stands in the list', async () => {
  await admin.page.getByRole('heading', { level: 1, name: fileName }).waitFor();
  await admin.page.getByText('taken in', { exact: true }).waitFor();
  const refused = admin.region('Rejected events and rows');
  await refused.getByText('timestamp is "some day", which is no time').waitFor();
  await refused.getByText('Row of a file').waitFor();
  expect(await admin.region('Rows that no event can be made of').getByRole('listitem').allInnerTexts()).toEqual([expect.stringMatching(/^Time invalid\s+1 row$/)]);
  await admin.shoot('import');
  expect(await admin.brokenRules()).toEqual([]);
  const { customer } = await api(adminKey).ask<{ customer: { events: { nodes: { name: string }[] } } | null }>('query($userId: String!) { customer(userId: $userId) { events { nodes { name } } } }', { userId: `guest-${run}-1` });
  expect(customer?.events.nodes).toEqual([{ name: `Came ${run}` }]);
  await admin.visit('Imports');
  const cells = await admin.region('Files').getByRole('row').filter({ hasText: fileName }).getByRole('cell').allInnerTexts();
  expect(cells.slice(0, 5)).toEqual(['taken in', '4', '3', '0', '1']);
  await admin.shoot('imports');
  expect(admin.complaints).toEqual([]);
}, 90_000);

test('where no mapping can be guessed the columns are there to choose from', async () => {
  await admin.page.getByRole('link', { name: 'Import a file' }).first().click();
  await choose(`unknown-${run}.csv`, `who,moment\nnobody-${run},2026-01-02 10:00\n`);
  await send();
  await admin.page.getByRole('alert').getByText('No column could be guessed to be the customer').waitFor();
  expect(await admin.brokenRules()).toEqual([]);
  await column('User id').selectOption('who');
  await column('Time').selectOption('moment');
  await look();
  await admin.region('Of the first 1 row').getByText('1 become 1 event.').waitFor();
  await admin.visit('Imports');
}, 90_000);

test('one that takes long tells how far it is, and is stopped', async () => {
  await admin.page.getByRole('link', { name: 'Import a file' }).first().click();
  const rows = Array.from({ length: 1_500_000 }, (_, number) => row(number));
  await choose(long, gzipSync(['customer_id,timestamp,event,size', ...rows].join('\n'), { level: 1 }));
  await send();
  await admin.page.getByRole('button', { name: 'Import', exact: true }).click();
  await admin.page.getByRole('progressbar', { name: 'Progress of the import' }).waitFor();
  await admin.shoot('import-going');
  await admin.page.getByRole('button', { name: 'Stop', exact: true }).click();
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Stop the import' }).click();
  await admin.page.getByText('stopped', { exact: true }).waitFor();
  const { imports } = await api(adminKey).ask<{ imports: { nodes: { fileName: string; state: string }[] } }>('{ imports(first: 1) { nodes { fileName state } } }');
  expect(imports.nodes).toEqual([{ fileName: long, state: 'CANCELLED' }]);
  await until(() => admin.page.getByRole('progressbar').count(), (bars) => bars === 0, PATIENCE_MS);
}, 120_000);
