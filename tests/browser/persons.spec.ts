// What a person may ask for, on the admin page in a real Chromium: found, exported, kept out, erased with a receipt.
import { randomUUID } from 'node:crypto';

import { api, post, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

const admin = adminPage();
const run = randomUUID().slice(0, 8);
const userId = `person-${run}`;
const otherId = `other-${run}`;
/** Of a device that somebody else had lent. */
const lentId = `lent-to-${run}`;
const anonymousId = `browser-of-${run}`;

beforeAll(async () => {
  const batch = [
    { type: 'track', event: 'Looked Around', anonymousId },
    { type: 'identify', userId, anonymousId, traits: { city: 'Bath' } },
    { type: 'track', event: 'Order Completed', userId },
    { type: 'track', event: 'Order Completed', userId: otherId, anonymousId: lentId },
  ];
  await post('/v1/batch', { batch });
});

const dialog = () => admin.page.getByRole('dialog');
const kept = () => admin.region(`What is kept of ${userId}`);
const find = async (kind: string, text: string): Promise<void> => {
  await admin.page.getByRole('group', { name: 'Which id it is' }).getByRole('button', { name: kind }).click();
  await admin.page.getByRole('searchbox', { name: kind }).fill(text);
  await admin.page.keyboard.press('Enter');
};

test('somebody is found by any of their ids, with what is kept and what joined the ids', async () => {
  await admin.visit('Persons');
  await find('User id', `nobody-${run}`);
  await admin.region(`Nobody has the id “nobody-${run}”`).getByText('letter by letter').waitFor();
  await find('Anonymous id', anonymousId);
  await kept().waitFor();
  expect(await kept().innerText()).toMatch(/Events\s+3[\s\S]+Attributes\s+city/);
  const joined = admin.region('What joined their ids').getByRole('row').filter({ hasText: `anonymous ${anonymousId}` });
  await joined.getByText(`user ${userId}`).waitFor();
  await joined.getByText('an event carried both').waitFor();
  await admin.shoot('person');
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('an export is made and its file can be saved', async () => {
  await kept().getByRole('button', { name: 'Export' }).click();
  const receipt = admin.region(/^Export, asked for/);
  const saving = admin.page.waitForEvent('download');
  await receipt.getByRole('link', { name: 'Save the file' }).click();
  const chunks: Buffer[] = [];
  for await (const chunk of await (await saving).createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toContain(userId);
  await receipt.getByRole('table', { name: 'What was done, by table' }).getByRole('rowheader').first().waitFor();
}, 90_000);

test('somebody is kept out, and an event of theirs is refused from then on', async () => {
  await kept().getByRole('button', { name: 'Keep out' }).click();
  await dialog().getByRole('button', { name: 'Keep out' }).click();
  await admin.region(/^Suppression, asked for/).getByText('done', { exact: true }).waitFor();
  let sent = 0;
  await until(
    async () => {
      const messageId = `kept-out-${run}-${sent++}`;
      await post('/v1/batch', { batch: [{ type: 'track', event: 'Came Back', userId, messageId }] });
      return api().ask<{ eventReceipt: { reason: string | null } | null }>('query($id: String!) { eventReceipt(messageId: $id) { reason } }', { id: messageId });
    },
    ({ eventReceipt }) => eventReceipt?.reason === 'SUPPRESSED',
    PATIENCE_MS,
  );
}, 90_000);

test('an erasure wants the id typed, and ends with a receipt of what was removed', async () => {
  await kept().getByRole('button', { name: 'Erase' }).click();
  const confirm = dialog().getByRole('button', { name: 'Erase' });
  const typed = dialog().getByRole('textbox', { name: `Type ${userId} to erase` });
  await typed.fill(userId.slice(0, -1));
  expect(await confirm.isDisabled()).toBe(true);
  // Enter does no more than the button.
  await admin.page.keyboard.press('Enter');
  await typed.fill(userId);
  await admin.shoot('person-erase');
  expect(await admin.brokenRules()).toEqual([]);
  await confirm.click();
  const receipt = admin.region(/^Erasure, asked for/);
  await receipt.getByRole('row').filter({ hasText: 'ingestion.events' }).first().waitFor();
  await receipt.getByText('The signed receipt').click();
  expect(await receipt.locator('pre').innerText()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  await admin.region(`Nobody has the id “${anonymousId}”`).waitFor();
  await admin.shoot('persons');
  expect(await admin.brokenRules()).toEqual([]);
  const { customer, personRequests } = await api().ask<{ customer: object | null; personRequests: { nodes: { kind: string; state: string }[] } }>(
    'query($userId: String!) { customer(userId: $userId) { id } personRequests(first: 3) { nodes { kind state } } }',
    { userId },
  );
  expect(customer).toBeNull();
  expect(personRequests.nodes).toEqual(['ERASE', 'SUPPRESS', 'EXPORT'].map((kind) => ({ kind, state: 'SUCCEEDED' })));
  expect(admin.complaints).toEqual([]);
}, 120_000);

test('two who were taken for one are taken apart', async () => {
  await find('User id', otherId);
  const joined = admin.region('What joined their ids').getByRole('row').filter({ hasText: `anonymous ${lentId}` });
  await joined.getByRole('button', { name: `Take apart anonymous ${lentId}` }).click();
  await dialog().getByRole('button', { name: 'Take apart' }).click();
  await joined.getByText(/^undone/).waitFor();
  await joined.getByText('this key').waitFor();
  interface Two {
    user: { id: string } | null;
    lent: { id: string } | null;
  }
  const { user, lent } = await api().ask<Two>('query($userId: String!, $lent: String!) { user: customer(userId: $userId) { id } lent: customer(anonymousId: $lent) { id } }', { userId: otherId, lent: lentId });
  expect(lent?.id).not.toBe(user?.id);
}, 90_000);

test('a customer’s page leads to what they may ask for', async () => {
  const { customer } = await api().ask<{ customer: { id: string } }>('query($userId: String!) { customer(userId: $userId) { id } }', { userId: otherId });
  await admin.follow(`/customers/${encodeURIComponent(customer.id)}`);
  await admin.page.getByRole('link', { name: 'Export or erase …' }).click();
  const found = admin.region(`What is kept of ${otherId}`);
  await found.waitFor();
  expect(await found.getByRole('button').allInnerTexts()).toEqual(['Export', 'Keep out', 'Erase']);
}, 90_000);
