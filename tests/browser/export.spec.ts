// A segment's members as a file, on the admin page in a real Chromium: columns and attributes are chosen, now and by the clock.
import { api, until } from '../e2e/ready.ts';
import { adminPage } from './admin-page.ts';

const admin = adminPage();

interface Segment {
  id: string;
  name: string;
}
interface Content {
  format: string;
  columns: string[];
  attributes: string[];
}
interface Exported extends Content {
  state: string;
  manifest: { columns: { name: string }[] } | null;
}
interface Schedule extends Content {
  id: string;
  cron: string;
}

let segment: Segment;
beforeAll(async () => {
  const { segments } = await api().ask<{ segments: { nodes: Segment[] } }>('{ segments(kind: LEARNED, first: 1) { nodes { id name } } }');
  segment = segments.nodes[0] as Segment;
});
afterAll(async () => {
  for (const { id } of await schedules()) await api().ask('mutation($id: ID!) { deleteExportSchedule(id: $id) { __typename } }', { id });
});

const card = () => admin.region('Exports');
const dialog = () => admin.page.getByRole('dialog');
const latest = async (): Promise<Exported | undefined> =>
  (await api().ask<{ exports: { nodes: Exported[] } }>('query($id: ID!) { exports(segmentId: $id, first: 1) { nodes { format state columns attributes manifest { columns { name } } } } }', { id: segment.id })).exports.nodes[0];
const schedules = async (): Promise<Schedule[]> =>
  (await api().ask<{ exportSchedules: { nodes: Schedule[] } }>('query($id: ID!) { exportSchedules(segmentId: $id) { nodes { id cron format columns attributes } } }', { id: segment.id })).exportSchedules.nodes;

test('an export has the columns and attributes that are chosen, in their usual order', async () => {
  await admin.follow(`/segments/${encodeURIComponent(segment.id)}`);
  await card().getByRole('button', { name: 'Export', exact: true }).click();
  await dialog().getByRole('combobox', { name: 'As' }).selectOption('PARQUET');
  for (const name of ['when it was decided', 'as of when the file is', 'strength']) await dialog().getByRole('checkbox', { name, exact: true }).uncheck();
  await dialog().getByRole('checkbox', { name: 'novelty' }).check();
  await dialog().getByRole('checkbox', { name: 'strength' }).check();
  await dialog().getByLabel('Attributes, one a line').fill('plan\nname, as it is written');
  expect(await admin.brokenRules()).toEqual([]);
  await admin.shoot('export-columns');
  await dialog().getByRole('button', { name: 'Export' }).click();
  await dialog().waitFor({ state: 'detached' });
  const made = await until(latest, (one) => one?.state === 'SUCCEEDED', 60_000);
  const attributes = ['plan', 'name, as it is written'];
  expect(made).toMatchObject({ format: 'PARQUET', columns: ['USER_ID', 'ANONYMOUS_ID', 'SEGMENT_ID', 'SEGMENT_NAME', 'STRENGTH', 'SINCE', 'MODEL_ID', 'NOVELTY'], attributes });
  expect(made?.manifest?.columns.map(({ name }) => name)).toEqual([
    'customer_id', 'user_id', 'anonymous_id', 'segment_id', 'segment_name', 'strength', 'since', 'model_id', 'novelty', ...attributes.map((name) => `attribute_${name}`),
  ]);
}, 120_000);

test('what no file can hold is said, and the choice stays', async () => {
  await card().getByRole('button', { name: 'Export', exact: true }).click();
  await dialog().getByLabel('Attributes, one a line').fill('Plan\nplan');
  await dialog().getByRole('button', { name: 'Export' }).click();
  await dialog().getByRole('alert').getByText('differ by capitals alone').waitFor();
  expect(await dialog().getByLabel('Attributes, one a line').inputValue()).toBe('Plan\nplan');
  await dialog().getByRole('button', { name: 'Cancel' }).click();
});

test('a schedule is made with a choice of columns, and given another', async () => {
  await card().getByRole('button', { name: 'Schedule', exact: true }).click();
  await dialog().getByRole('checkbox', { name: 'user id', exact: true }).uncheck();
  await dialog().getByRole('button', { name: 'Schedule' }).click();
  await dialog().waitFor({ state: 'detached' });
  const [made] = await schedules();
  expect(made).toMatchObject({ format: 'CSV', cron: '0 6 * * 1', attributes: [] });
  expect(made?.columns).not.toContain('USER_ID');
  await card().getByRole('button', { name: 'Change the schedule 0 6 * * 1' }).click();
  expect(await dialog().getByRole('checkbox', { name: 'user id', exact: true }).isChecked()).toBe(false);
  await dialog().getByRole('checkbox', { name: 'user id', exact: true }).check();
  await dialog().getByLabel('Attributes, one a line').fill('plan');
  await dialog().getByLabel(/^When/).fill('30 7 * * *');
  expect(await admin.brokenRules()).toEqual([]);
  await dialog().getByRole('button', { name: 'Change' }).click();
  await dialog().waitFor({ state: 'detached' });
  await card().getByText('CSV, 11 columns').waitFor();
  await admin.shoot('export-schedule');
  expect(await schedules()).toEqual([{ ...made, cron: '30 7 * * *', columns: ['USER_ID', ...(made?.columns ?? [])], attributes: ['plan'] }]);
}, 90_000);
