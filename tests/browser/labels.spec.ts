// Labels on the admin page, in a real Chromium: from a file of labels to what they say of a customer who has none.
import { api } from '../e2e/ready.ts';
import { adminPage } from './admin-page.ts';

const HEAD_MS = 180_000;
const LABELLED = 30;

const admin = adminPage();
const question = `Asked in the browser ${Date.now()}`;
const amount = `An amount asked in the browser ${Date.now()}`;
/** Members of the two largest segments: who is in the first is what the labels say. */
let yes: string[];
let no: string[];

const menu = (name: string): Promise<void> => admin.menu(name);
const shoot = (name: string): Promise<unknown> => admin.shoot(name);
const card = () => admin.region(question);

beforeAll(async () => {
  const { segments } = await api().ask<{ segments: { nodes: { size: number; members: { nodes: { userId: string | null }[] } }[] } }>(
    '{ segments(kind: LEARNED, first: 50) { nodes { size members(first: 100) { nodes { userId } } } } }',
  );
  const [first, second] = segments.nodes.toSorted((one, other) => other.size - one.size).map(({ members }) => members.nodes.flatMap(({ userId }) => (userId === null ? [] : [userId])));
  if (!first || !second || Math.min(first.length, second.length) <= LABELLED) throw new Error('the shop has too few customers in two segments');
  [yes, no] = [first, second];
}, 120_000);

afterAll(async () => {
  const { labelSets } = await api().ask<{ labelSets: { nodes: { id: string; name: string }[] } }>('{ labelSets(first: 100) { nodes { id name } } }');
  for (const { id, name } of labelSets.nodes) if (name === question || name === amount) await api().ask('mutation($id: ID!) { deleteLabelSet(id: $id) { __typename } }', { id });
});

test('a question is made and a file of labels is sent; lines that cannot be used are told', async () => {
  await menu('Labels');
  await admin.page.getByRole('button', { name: 'New label set' }).click();
  await admin.page.getByRole('dialog').getByLabel('The question').fill(question);
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Make' }).click();
  await card().getByRole('button', { name: 'Train' }).click();
  await admin.page.getByText(/A head needs 10 labels of either value/).waitFor();
  await card().getByRole('button', { name: 'Add labels' }).click();
  const lines = ['userId,value', ...yes.slice(0, LABELLED).map((user) => `${user},yes`), ...no.slice(0, LABELLED).map((user) => `${user},no`), 'nobody-at-all,yes'];
  await admin.page.getByRole('dialog').locator('input[type=file]').setInputFiles({ name: 'labels.csv', mimeType: 'text/csv', buffer: Buffer.from(`${lines.join('\n')}\n`) });
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await admin.page.getByText(/^Line 62 \(nobody-at-all\): /).waitFor();
  await shoot('labels-left-out');
  expect(await admin.page.getByRole('dialog').getByRole('button').allTextContents()).toEqual(['Done']);
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
  await card().getByText('60 labels, 30 of them yes').waitFor();
  const { labelSets } = await api().ask<{ labelSets: { nodes: { name: string; labelCount: number; positiveCount: number }[] } }>('{ labelSets(first: 1) { nodes { name labelCount positiveCount } } }');
  expect(labelSets.nodes).toEqual([{ name: question, labelCount: 2 * LABELLED, positiveCount: LABELLED }]);
}, 90_000);

test('a head is trained and judged, and says what it thinks of a customer without a label', async () => {
  await card().getByRole('button', { name: 'Train' }).click();
  await card().getByRole('status').getByRole('button', { name: 'Stop' }).waitFor();
  await shoot('labels-training');
  const standings = card().locator('tbody tr');
  await standings.first().waitFor({ timeout: HEAD_MS });
  expect(await standings.getByRole('rowheader').allInnerTexts()).toEqual([
    'this head', 'the forecast, without a label', 'recency, frequency, money', 'hand-made aggregates', 'boosted trees on aggregates',
  ]);
  expect(Number(await standings.first().locator('td').first().innerText())).toBeGreaterThan(0.8);
  await shoot('labels');
  expect(await admin.brokenRules()).toEqual([]);

  const userId = yes[LABELLED]!;
  await menu('Customers');
  await admin.page.getByLabel('User id').fill(userId);
  await admin.page.getByRole('button', { name: 'Look up' }).click();
  const row = admin.page.getByRole('region', { name: 'What labels say' }).getByRole('row').filter({ hasText: question });
  await row.getByText('now', { exact: true }).waitFor();
  await shoot('customer-labels');
  const { customer } = await api().ask<{ customer: { predictions: { probability: number; labelSet: { name: string } }[] } }>(
    'query($userId: String!) { customer(userId: $userId) { predictions { probability labelSet { name } } } }', { userId },
  );
  const probability = customer.predictions.find(({ labelSet }) => labelSet.name === question)?.probability ?? Number.NaN;
  expect(Math.abs(Number.parseFloat((await row.locator('.measured').innerText()).replace(/[<>]/, '')) - probability * 100)).toBeLessThan(1.1);
  expect(admin.complaints).toEqual([]);
}, HEAD_MS + 90_000);

test('a question whose answer is a number is judged by its error, and says a number with its interval', async () => {
  const numbers = admin.region(amount);
  await menu('Labels');
  await admin.page.getByRole('button', { name: 'New label set' }).click();
  await admin.page.getByRole('dialog').getByLabel('The question').fill(amount);
  await admin.page.getByRole('dialog').getByLabel('The answer is').selectOption('a number');
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Make' }).click();
  await numbers.getByText(/with labels of twenty customers or more/).waitFor();
  await numbers.getByRole('button', { name: 'Add labels' }).click();
  const lines = ['userId,value', ...yes.slice(0, LABELLED).map((user) => `${user},90`), ...no.slice(0, LABELLED).map((user) => `${user},10.5`)];
  await admin.page.getByRole('dialog').getByLabel(/value \(a number\)/).setInputFiles({ name: 'amounts.csv', mimeType: 'text/csv', buffer: Buffer.from(`${lines.join('\n')}\n`) });
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await numbers.getByText('60 labels, from 10.5 to 90, 50.3 in the mean').waitFor();
  await numbers.getByRole('button', { name: 'Train' }).click();
  const standings = numbers.locator('tbody tr');
  await standings.first().waitFor({ timeout: HEAD_MS });
  expect((await standings.getByRole('rowheader').allInnerTexts()).slice(0, 2)).toEqual(['this head', 'the labels’ mean']);
  await numbers.getByText(/that is the interval of a prediction/).waitFor();
  await shoot('labels-numbers');
  expect(await admin.brokenRules()).toEqual([]);

  await menu('Customers');
  await admin.page.getByLabel('User id').fill(yes[LABELLED]!);
  await admin.page.getByRole('button', { name: 'Look up' }).click();
  const row = admin.page.getByRole('region', { name: 'What labels say' }).getByRole('row').filter({ hasText: amount });
  await row.getByText(/^-?[\d.,]+ to -?[\d.,]+$/).waitFor();
  await shoot('customer-number');
  expect(admin.complaints).toEqual([]);
}, HEAD_MS + 90_000);
