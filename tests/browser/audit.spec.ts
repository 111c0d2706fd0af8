// The audit trail on the admin page, in a real Chromium: who did what, when, and to what.
import { api, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

const admin = adminPage();
const name = `Audited ${Date.now()}`;
let other: { id: string; actor: string };
let secret: string;

beforeAll(async () => {
  const { createApiKey } = await api().ask<{ createApiKey: { secret: string; key: { id: string; actor: string } } }>(
    'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on ApiKeyCreated { secret key { id actor } } } }',
    { input: { name, role: 'EDITOR' } },
  );
  [other, secret] = [createApiKey.key, createApiKey.secret];
  // Each way that an action ends: refused, and done.
  await api(secret).ask('mutation { deleteSegment(id: "no-such-segment") { __typename } }');
  await api(secret).ask('mutation($input: CreateLabelSetInput!) { createLabelSet(input: $input) { __typename } }', { input: { name, kind: 'BINARY' } });
});

afterAll(async () => {
  await api().ask('mutation($id: ID!) { revokeApiKey(id: $id) { __typename } }', { id: other.id });
  const { labelSets } = await api().ask<{ labelSets: { nodes: { id: string; name: string }[] } }>('{ labelSets(first: 100) { nodes { id name } } }');
  for (const set of labelSets.nodes) if (set.name === name) await api().ask('mutation($id: ID!) { deleteLabelSet(id: $id) { __typename } }', { id: set.id });
});

const entries = () => admin.region('Entries').locator('tbody tr');
const total = async (): Promise<number> => Number((await admin.region('Entries').getByText(/^[\d,]+–[\d,]+ of [\d,]+ entries$/).innerText()).split(' of ')[1]?.replaceAll(/\D/g, ''));

test('what somebody did is found by who they are and what it was, with how it ended', async () => {
  await admin.visit('Audit trail');
  await entries().first().waitFor();
  await admin.page.getByRole('combobox', { name: 'Who' }).selectOption(name);
  await until(() => entries().count(), (rows) => rows === 2, PATIENCE_MS);
  const [made, refused] = [entries().nth(0), entries().nth(1)];
  expect(await made.getByRole('rowheader').innerText()).toBe('Create label set');
  await made.getByText('done').waitFor();
  expect(await made.innerText()).toContain(name);
  expect(await refused.getByRole('rowheader').innerText()).toBe('Delete segment');
  expect(await refused.getByText('done').count()).toBe(0);
  await made.getByText('arguments').click();
  await made.getByText(`"name": "${name}"`).waitFor();
  await admin.shoot('audit-trail');
  expect(await admin.brokenRules()).toEqual([]);
  await admin.page.getByRole('combobox', { name: 'What' }).selectOption('Delete segment');
  await until(() => entries().count(), (rows) => rows === 1, PATIENCE_MS);
}, 90_000);

test('days bound it, nothing that fits is said so, and all is shown again', async () => {
  await admin.page.getByLabel('Until').fill('2020-01-01');
  await admin.region('Entries').getByText('Nothing was done that is as chosen above.').waitFor();
  await admin.page.getByRole('button', { name: 'Show all' }).click();
  await entries().nth(2).waitFor();
  const { auditEntries } = await api().ask<{ auditEntries: { totalCount: number } }>('{ auditEntries(first: 1) { totalCount } }');
  await until(total, (shown) => shown === auditEntries.totalCount, PATIENCE_MS);
  // To the next page and back, by the keyboard alone.
  if (auditEntries.totalCount <= 25) for (let times = auditEntries.totalCount; times <= 25; times++) await api().ask('mutation { cancelTrainingRun(id: "no-such-run") { __typename } }');
  const next = admin.page.getByRole('button', { name: 'Next' });
  await next.focus();
  await admin.page.keyboard.press('Enter');
  await admin.region('Entries').getByText(/^26–/).waitFor();
  await admin.page.getByRole('button', { name: 'Previous' }).focus();
  await admin.page.keyboard.press('Enter');
  await admin.region('Entries').getByText(/^1–25 of/).waitFor();
  expect(admin.complaints).toEqual([]);
}, 90_000);
