// Webhooks of some segments, made on the admin page in a real Chromium.
import { api } from '../e2e/ready.ts';
import { adminPage } from './admin-page.ts';

const admin = adminPage();

interface Told {
  webhooks: { nodes: { id: string; url: string; segments: { name: string }[] | null }[] };
}

test('a webhook is made for some of the segments, however many, and is given a new secret', async () => {
  const { segments } = await api().ask<{ segments: { nodes: { name: string }[] } }>('{ segments(first: 3) { nodes { name } } }');
  const names = segments.nodes.map(({ name }) => name);
  const [first = '', second = '', third = ''] = names;
  const url = `http://127.0.0.1:1/${Date.now()}`;
  await admin.visit('Webhooks');
  await admin.page.getByRole('button', { name: 'Make a webhook' }).first().click();
  const dialog = admin.page.getByRole('dialog');
  await dialog.getByLabel('URL').fill(url);
  for (const name of names) await dialog.getByRole('checkbox', { name, exact: true }).check();
  await dialog.getByRole('checkbox', { name: second, exact: true }).uncheck();
  expect(await admin.brokenRules()).toEqual([]);
  await dialog.getByRole('button', { name: 'Make' }).click();
  await dialog.waitFor({ state: 'detached' });
  const { webhooks } = await api().ask<Told>('{ webhooks { nodes { id url segments { name } } } }');
  const made = webhooks.nodes.find((webhook) => webhook.url === url);
  expect(made?.segments?.map(({ name }) => name).toSorted()).toEqual([first, third].toSorted());

  // Its secret is rotated: the new one is shown once, and until when the former one signs too.
  await admin.page.getByRole('region', { name: 'Webhooks of the workspace' }).getByRole('link', { name: url }).click();
  await admin.page.getByRole('button', { name: 'New secret' }).click();
  await dialog.getByLabel('The present secret').selectOption('holds for an hour');
  expect(await admin.brokenRules()).toEqual([]);
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  await admin.page.getByText(/^whsec_/).waitFor();
  await admin.page.getByText('Former secret signs until').waitFor();
  await api().ask('mutation($id: ID!) { deleteWebhook(id: $id) { __typename } }', { id: made?.id });
}, 90_000);
