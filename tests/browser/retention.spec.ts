// How long events stay where, on the admin page in a real Chromium: a policy, what goes to files, and what comes back from them.
import { randomUUID } from 'node:crypto';

import { api, post, until } from '../e2e/ready.ts';
import { type OwnWorkspace, ownWorkspace } from '../e2e/own-workspace.ts';
import { adminPage } from './admin-page.ts';

let workspace: OwnWorkspace;
const admin = adminPage({ key: async () => (workspace = await ownWorkspace()).adminKey });

const archives = () => admin.region('Archives');
const dialog = () => admin.page.getByRole('dialog');
const policy = async (): Promise<unknown> => (await api(workspace.adminKey).ask<{ retentionPolicy: unknown }>('{ retentionPolicy { archiveAfterDays dropAfterDays } }')).retentionPolicy;
const eventsOf = async (): Promise<{ eventCount: number; archivedEventCount: number } | null> =>
  (await api(workspace.adminKey).ask<{ customer: { eventCount: number; archivedEventCount: number } | null }>('{ customer(userId: "kept") { eventCount archivedEventCount } }')).customer;

test('months that have ended go to files when they are asked to, and count as before', async () => {
  const batch = ['2015-03-04', '2015-08-09', '2023-05-06', '2023-05-07'].map((day) => ({ type: 'track', userId: 'kept', event: 'Order Completed', messageId: randomUUID(), timestamp: `${day}T12:00:00Z`, properties: { revenue: 5 } }));
  const authorization = `Basic ${Buffer.from(`${workspace.writeKey}:`).toString('base64')}`;
  expect((await post('/v1/batch', { batch }, { authorization })).status).toBe(200);
  await until(eventsOf, (seen) => seen?.eventCount === batch.length);
  await admin.visit('Retention');
  await archives().getByText('All events are in the database').waitFor();
  await admin.page.getByRole('button', { name: 'Archive now' }).click();
  await dialog().getByLabel('Of months that ended by').fill('2010-01-01');
  await dialog().getByRole('button', { name: 'Archive' }).click();
  // No month had ended by then.
  await dialog().getByRole('alert').waitFor();
  await dialog().getByLabel('Of months that ended by').fill('2024-01-01');
  await dialog().getByRole('button', { name: 'Archive' }).click();
  await dialog().waitFor({ state: 'detached' });
  const row = (period: string) => archives().locator('tbody tr').filter({ has: admin.page.getByRole('rowheader', { name: period }) });
  await row('May 2023').getByText('in a file').waitFor();
  await row('2015').getByText('in a file').waitFor();
  await admin.region('What was asked for').getByText('4 events').waitFor();
  expect(await eventsOf()).toEqual({ eventCount: 4, archivedEventCount: 4 });
  expect(await admin.brokenRules()).toEqual([]);
}, 120_000);

test('an archive is put back, and another one is replayed, which stores nothing twice', async () => {
  await archives().getByRole('button', { name: 'Put back May 2023' }).click();
  await dialog().getByLabel(/^Days for which/).fill('90');
  await dialog().getByRole('button', { name: 'Put back' }).click();
  await dialog().waitFor({ state: 'detached' });
  await archives().getByText(/no policy archives it before/).waitFor();
  expect(await eventsOf()).toEqual({ eventCount: 4, archivedEventCount: 2 });
  await archives().getByRole('button', { name: 'Replay 2015' }).click();
  await dialog().getByRole('button', { name: 'Replay' }).click();
  await dialog().waitFor({ state: 'detached' });
  await admin.region('What was asked for').getByText('2 events: 0 stored, 2 known before, 0 refused').waitFor();
  await admin.shoot('retention');
}, 120_000);

test('a policy is set in days; one without meaning is refused in words, and one that drops events asks first', async () => {
  const card = admin.region('How long events stay');
  const [archived, dropped] = [card.getByLabel(/^To an archive/), card.getByLabel(/^Dropped for good/)];
  const save = () => card.getByRole('button', { name: 'Save' }).click();
  await archived.fill('soon');
  await save();
  await card.getByRole('alert').getByText('Give whole numbers of days').waitFor();
  await archived.fill('9000');
  await save();
  await until(policy, (set) => JSON.stringify(set) === JSON.stringify({ archiveAfterDays: 9000, dropAfterDays: null }));
  await dropped.fill('100');
  await save();
  await dialog().getByText('Drop old events for good?').waitFor();
  expect(await admin.brokenRules()).toEqual([]);
  await admin.shoot('retention-drop');
  await dialog().getByRole('button', { name: 'Cancel' }).click();
  expect(await policy()).toEqual({ archiveAfterDays: 9000, dropAfterDays: null });
  await save();
  await dialog().getByRole('button', { name: 'Drop them by this policy' }).click();
  // Sooner than they are archived.
  await card.getByRole('alert').waitFor();
  await dropped.fill('12000');
  await save();
  await dialog().getByRole('button', { name: 'Drop them by this policy' }).click();
  await until(policy, (set) => JSON.stringify(set) === JSON.stringify({ archiveAfterDays: 9000, dropAfterDays: 12000 }));
  await archived.fill('');
  await dropped.fill('');
  await save();
  await until(policy, (set) => JSON.stringify(set) === JSON.stringify({ archiveAfterDays: null, dropAfterDays: null }));
  expect(admin.complaints).toEqual([]);
}, 90_000);
