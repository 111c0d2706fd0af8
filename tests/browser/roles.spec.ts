// What the admin page offers to keys that may not do everything, in a real Chromium.
import { api } from '../e2e/ready.ts';
import { adminPage } from './admin-page.ts';

const admin = adminPage({ isSignedIn: false });

/** Keys by their role; and their ids, to end them. */
const keys: Record<string, string> = {};
const made: string[] = [];

beforeAll(async () => {
  for (const role of ['INTAKE', 'VIEWER', 'EDITOR']) {
    const { createApiKey } = await api().ask<{ createApiKey: { secret: string; key: { id: string } } }>(
      'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on ApiKeyCreated { secret key { id } } } }',
      { input: { name: `Browser ${role} ${Date.now()}`, role } },
    );
    keys[role] = createApiKey.secret;
    made.push(createApiKey.key.id);
  }
});

afterAll(async () => {
  for (const id of made) await api().ask('mutation($id: ID!) { revokeApiKey(id: $id) { __typename } }', { id });
});

const title = (name: string | RegExp) => admin.page.getByRole('heading', { level: 1, name });
const FOR_ADMINS = ['/imports/new', '/persons', '/retention', '/webhooks', '/webhooks/anything', '/keys', '/audit', '/settings'];

/** Some of everything that has a page of its own. */
async function places(): Promise<string[]> {
  const some = await api().ask<Record<'segments' | 'customers' | 'trainingRuns' | 'models', { nodes: { id: string }[] }>>(
    '{ segments(first: 1) { nodes { id } } customers(first: 1) { nodes { id } } trainingRuns(first: 1) { nodes { id } } models(first: 1) { nodes { id } } }',
  );
  const at = { segments: 'segments', customers: 'customers', trainingRuns: 'runs', models: 'models' } as const;
  return Object.entries(at).flatMap(([list, place]) => some[list as keyof typeof at].nodes.map(({ id }) => `/${place}/${encodeURIComponent(id)}`));
}

test('a viewer walks through every place, is offered nothing that changes anything, and is refused nothing', async () => {
  await admin.signIn(keys['VIEWER']);
  const menu = ['Segments', 'Runs', 'Customers', 'Labels', 'Intake', 'Imports', 'Quarantine', 'Tracking plan'];
  expect(await admin.mainMenu().getByRole('link').allInnerTexts()).toEqual(menu);
  const offered = new Set<string>();
  const look = async (): Promise<void> => {
    await admin.page.locator('.bones').first().waitFor({ state: 'detached' });
    for (const action of await admin.page.locator('.page-head button, .page-head a.button').allInnerTexts()) offered.add(action);
  };
  for (const place of menu) {
    await admin.visit(place);
    await look();
  }
  for (const place of await places()) {
    await admin.follow(place);
    await title(/./).waitFor();
    await look();
  }
  expect([...offered].filter((action) => !/^(Coarser|Main|Finer|Save the report|Report)/.test(action))).toEqual([]);
  // A refused question would stand here: it is answered by 403.
  expect(admin.complaints).toEqual([]);
}, 120_000);

test('a place that a key may not enter says so in a sentence, and asks for nothing', async () => {
  for (const place of ['/segments/define', '/segments/draw', '/segments/anything/definition', ...FOR_ADMINS]) {
    await admin.follow(place);
    await title('Not with this key').waitFor();
    await admin.page.getByText(`This page is for ${FOR_ADMINS.includes(place) ? 'admin' : 'editor'} keys`).waitFor();
    await admin.page.getByText('Yours is a viewer key.').waitFor();
    expect(await admin.page.locator('main').getByRole('textbox').count()).toBe(0);
    await admin.page.getByRole('link', { name: 'To the segments' }).click();
    await title('Segments').waitFor();
  }
  await admin.follow('/settings');
  await title('Not with this key').waitFor();
  await admin.shoot('not-with-this-key');
  expect(await admin.brokenRules()).toEqual([]);
  expect(admin.complaints).toEqual([]);
}, 90_000);

test('an editor defines segments, and does not enter what is for administrators', async () => {
  await admin.signIn(keys['EDITOR']);
  await admin.follow('/segments/define');
  await title('Define a segment').waitFor();
  for (const place of FOR_ADMINS) {
    await admin.follow(place);
    await admin.page.getByText('This page is for admin keys').waitFor();
    await admin.page.getByText('Yours is an editor key.').waitFor();
    await admin.follow('/segments');
    await title('Segments').waitFor();
  }
  expect(admin.complaints).toEqual([]);
}, 90_000);

test('whoever signs in with a key that only sends events is told so, and may take another', async () => {
  await admin.page.goto('about:blank');
  await admin.page.goto(`${admin.url}#key=${keys['INTAKE']}`);
  await admin.page.getByRole('alert').getByText('This key may not do that').waitFor();
  await admin.page.getByRole('button', { name: 'Sign in with another key' }).click();
  await admin.page.getByLabel('Key').waitFor();
  expect(await admin.mainMenu().count()).toBe(0);
}, 90_000);
