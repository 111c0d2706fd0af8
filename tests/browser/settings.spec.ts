// What a workspace says of its data, and from when on somebody is unusual, on the admin page in a real Chromium.
import { api, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

const admin = adminPage();

interface Said {
  viewer: { workspace: { settings: { version: number; timezone: string; currency: string | null; mainEvents: string[]; valueProperty: string | null; guessed: string[] } } };
  noveltyThresholds: { customers: { quantile: number | null; isOverridden: boolean } | null };
}

const said = (): Promise<Said> =>
  api().ask<Said>('{ viewer { workspace { settings { version timezone currency mainEvents valueProperty guessed } } } noveltyThresholds { customers { quantile isOverridden } } }');

let before: Said['viewer']['workspace']['settings'];

beforeAll(async () => {
  before = (await said()).viewer.workspace.settings;
}, 120_000);

afterAll(async () => {
  const { timezone, currency, mainEvents, valueProperty } = before;
  await api().ask('mutation($input: UpdateWorkspaceSettingsInput!) { updateWorkspaceSettings(input: $input) { __typename } }', { input: { timezone, currency, mainEvents, valueProperty } });
  await api().ask('mutation { setNoveltyThreshold(input: {}) { __typename } }');
});

test('settings are read, a wrong one is refused in words, and saving confirms what was guessed', async () => {
  await admin.visit('Settings');
  const data = admin.region('Its data');
  const zone = data.getByRole('combobox', { name: /^Time zone/ });
  expect(await zone.inputValue()).toBe(before.timezone);
  await zone.fill('Berlin');
  await data.getByRole('button', { name: /^Save/ }).click();
  await data.getByRole('alert').getByText('"Berlin" is no timezone').waitFor();
  await zone.fill('Europe/Berlin');
  await data.getByRole('textbox', { name: /^Currency/ }).fill('gbp');
  await admin.shoot('settings');
  expect(await admin.brokenRules()).toEqual([]);
  await data.getByRole('button', { name: /^Save/ }).click();
  await admin.page.getByText('The settings are saved.').waitFor();
  const { settings } = (await said()).viewer.workspace;
  expect(settings).toMatchObject({ timezone: 'Europe/Berlin', currency: 'GBP', guessed: [], version: before.version + 1 });
  await until(() => data.getByText('guessed', { exact: true }).count(), (count) => count === 0, PATIENCE_MS);
}, 90_000);

test('the threshold of novelty is set in percent and left to the model again', async () => {
  const card = admin.region('From when on somebody is unusual');
  const share = card.getByRole('textbox', { name: /^Share of ordinary ones/ });
  await share.fill('12');
  await card.getByRole('button', { name: 'Set', exact: true }).click();
  await card.getByRole('alert').getByText('from 0.5 to 0.9999').waitFor();
  await share.fill('95');
  await card.getByRole('button', { name: 'Set', exact: true }).click();
  await card.getByText('As the workspace says').waitFor();
  expect((await said()).noveltyThresholds.customers).toEqual({ quantile: 0.95, isOverridden: true });
  await card.getByRole('button', { name: 'The model’s own again' }).click();
  await card.getByText('As the model measured').waitFor();
  expect((await said()).noveltyThresholds.customers?.isOverridden).toBe(false);
  expect(admin.complaints).toEqual([]);
}, 90_000);
