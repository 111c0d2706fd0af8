// Customers on the admin page, in a real Chromium: whom one looks for, and who is unlike anyone.
import { api, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

const admin = adminPage();

test('a customer is found by user id, and an event that comes in is seen without a reload', async () => {
  const { customers } = await api().ask<{ customers: { nodes: { userId: string | null; eventCount: number }[] } }>('{ customers(first: 25) { nodes { userId eventCount } } }');
  const known = customers.nodes.find(({ userId }) => userId !== null);
  if (!known?.userId) throw new Error('The system has no customer with a user id.');
  await admin.menu('Customers');
  await admin.page.getByLabel('User id').fill(known.userId);
  await admin.page.getByRole('button', { name: 'Look up' }).click();
  await admin.page.getByRole('heading', { level: 1, name: known.userId, exact: true }).waitFor();
  await admin.region('Belongs to').getByText('strength', { exact: true }).first().waitFor();
  await admin.shoot('customer');
  // One horizon at a time, so that each event is there once.
  const forecast = admin.region('Likely next');
  const events = await forecast.getByRole('rowheader').evaluateAll((cells) => cells.map((cell) => (cell as unknown as { firstChild: { textContent: string } }).firstChild.textContent));
  expect(events.length).toBeGreaterThan(0);
  expect(new Set(events).size).toBe(events.length);
  // A reload would lose this.
  await admin.page.evaluate('window.isTheSamePage = true');
  const name = `Seen In Browser ${Date.now()}`;
  await api().ask('mutation($input: TrackEventsInput!) { trackEvents(input: $input) { stored } }', { input: { events: [{ event: name, userId: known.userId }] } });
  await admin.region('Events').getByText(name).waitFor();
  expect(await admin.page.evaluate('window.isTheSamePage')).toBe(true);
}, 90_000);

test('a customer’s place is seen from farther and from nearer, on the map, and items can be kept to those new to them', async () => {
  const PLACE = 'memberships { segment { kind parent { name } } finer { name } }';
  interface Placed {
    memberships: { segment: { kind: string; parent: { name: string } | null }; finer: { name: string } | null }[];
  }
  const levelsOf = ({ memberships }: Placed): string[] =>
    memberships.filter(({ segment }) => segment.kind === 'LEARNED').flatMap(({ segment, finer }) => [segment.parent, finer]).flatMap((level) => level?.name ?? []);
  const { customers } = await api().ask<{ customers: { nodes: (Placed & { id: string; userId: string | null; fresh: { item: string }[] })[] } }>(
    `{ customers(first: 100) { nodes { id userId ${PLACE} fresh: recommendations(first: 6, excludeOwned: true) { item } } } }`,
  );
  // In some models hardly any segment has finer ones.
  const [known] = customers.nodes.filter(({ userId, fresh }) => userId !== null && fresh.length > 0).toSorted((one, other) => levelsOf(other).length - levelsOf(one).length);
  if (!known || levelsOf(known).length === 0) throw new Error('No customer has a coarser or a finer place.');
  await admin.follow(`/customers/${encodeURIComponent(known.id)}`);
  const shown = () => admin.region('Belongs to').locator('.levels').getByRole('link').allInnerTexts();
  const told = async () => levelsOf((await api().ask<{ node: Placed }>(`query($id: ID!) { node(id: $id) { ... on Customer { ${PLACE} } } }`, { id: known.id })).node);
  // They may have moved since.
  await until(async () => [await shown(), await told()], ([ours, theirs]) => ours?.join() === theirs?.join(), PATIENCE_MS);
  await admin.region('On the map').getByRole('img', { name: new RegExp(`with ${known.userId}$`) }).locator('canvas').waitFor();
  const recommended = admin.region('Recommended');
  await recommended.getByRole('button', { name: 'New to them' }).click();
  const items = () => recommended.getByRole('rowheader').evaluateAll((cells) => cells.map((cell) => (cell as unknown as { firstChild: { textContent: string } }).firstChild.textContent));
  const fresh = known.fresh.map(({ item }) => item);
  expect(await until(items, (shown) => shown.join() === fresh.join(), PATIENCE_MS)).toEqual(fresh);
  expect(await recommended.getByText('taken before').count()).toBe(0);
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('all customers are listed, a page at a time, and a search begins with its first page', async () => {
  const { customers } = await api().ask<{ customers: { nodes: { userId: string | null; anonymousIds: string[] }[] } }>('{ customers(first: 24) { nodes { userId anonymousIds } } }');
  const names = customers.nodes.map(({ userId, anonymousIds }) => userId ?? anonymousIds[0] ?? '');
  await admin.menu('Segments');
  await admin.visit('Customers');
  const list = admin.region(/^(All customers|User ids that begin with)/);
  const shown = (): Promise<string[]> => list.locator('tbody th').allInnerTexts();
  await until(shown, (found) => found.join() === names.slice(0, 12).join(), PATIENCE_MS);
  await list.getByRole('button', { name: 'Next' }).click();
  await until(shown, (found) => found.join() === names.slice(12).join(), PATIENCE_MS);
  const known = names.find((name) => name.startsWith('shopper-')) ?? '';
  await admin.page.getByLabel('User id').fill(known);
  await until(shown, (found) => found.length === 1 && found[0] === known, PATIENCE_MS);
  expect(await list.getByText(/^1–1 of 1 /).count()).toBe(1);
}, 90_000);

test('who becomes unusual is listed, and their page says how unusual in words', async () => {
  const userId = `flood-${Date.now()}`;
  const events = Array.from({ length: 90 }, (_, at) => ({
    event: 'Payment Info Entered', userId, timestamp: new Date(Date.now() - 1_800_000 + at * 8_000).toISOString(), properties: { payment_method: 'card', accepted: false },
  }));
  await api().ask('mutation($input: TrackEventsInput!) { trackEvents(input: $input) { stored } }', { input: { events } });
  await until(
    () => api().ask<{ customer: { unusual: { isUnusual: boolean } | null } | null }>('query($userId: String!) { customer(userId: $userId) { unusual { isUnusual } } }', { userId }),
    ({ customer }) => customer?.unusual?.isUnusual === true,
    PATIENCE_MS,
  );
  await admin.menu('Segments');
  await admin.menu('Customers');
  const card = admin.region('Unusual now');
  await card.getByRole('link', { name: userId }).waitFor();
  await admin.shoot('customers');
  await card.getByRole('link', { name: userId }).click();
  await admin.region('Belongs to').getByText(/unusual since/).waitFor();
  expect(await admin.page.getByRole('meter', { name: 'Novelty' }).getAttribute('aria-valuetext')).toMatch(/^(as rare as|rarer than) one in .* customers; unusual from one in/);
  await admin.shoot('unusual-customer');
  expect(admin.complaints).toEqual([]);
}, 90_000);
