// The admin page in a real Chromium on a real system: what a person does there, from the key to a customer.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from 'playwright-core';

import { api, ready, until } from '../e2e/ready.ts';
import { adminPage, NARROW, PATIENCE_MS, WIDE } from './admin-page.ts';

/** A run beside other tests on two cores. */
const RUN_MS = 540_000;

const admin = adminPage({ isSignedIn: false });

const shoot = (name: string): Promise<unknown> => admin.shoot(name);
const menu = (name: string): Promise<void> => admin.menu(name);
/** Of the main menu. */
const PLACES = ['Segments', 'Runs', 'Customers', 'Labels', 'Intake', 'Imports', 'Quarantine', 'Tracking plan', 'Persons', 'Retention', 'Webhooks', 'Keys', 'Audit trail', 'Settings'];

/** As much of a canvas as is looked at here: these files are typed for Node, which has none. */
interface Canvas {
  width: number;
  height: number;
  getContext(kind: '2d'): { getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray } };
}

/**
 * How many colours a picture is drawn in, once there are `enough`: a blank one has none. Points are drawn a little
 * transparent, and those of a thin segment cover one another nowhere, so what is half opaque counts, in steps of 8.
 */
async function coloursOf(label: RegExp, enough: number): Promise<number> {
  const canvas = admin.page.getByRole('img', { name: label }).locator('canvas');
  const count = (): Promise<number> =>
    canvas.evaluate((element) => {
      const { width, height, getContext } = element as unknown as Canvas;
      const { data } = getContext.call(element, '2d').getImageData(0, 0, width, height);
      const seen = new Set<string>();
      for (let at = 0; at < data.length; at += 4) if ((data[at + 3] ?? 0) >= 128) seen.add(data.subarray(at, at + 3).map((shade) => shade >> 3).join());
      return seen.size;
    });
  return until(count, (colours) => colours >= enough, PATIENCE_MS);
}

const segmentRows = () => admin.page.getByRole('region', { name: 'All segments' }).locator('tbody tr');

test('a wrong key is refused in words, and the right one signs in', async () => {
  await admin.page.goto(admin.url);
  await admin.page.getByLabel('Key').fill('ka_not_a_key_of_this_workspace');
  await admin.page.getByRole('button', { name: 'Sign in' }).click();
  await admin.page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
  expect(await admin.mainMenu().count()).toBe(0);
  await shoot('sign-in');
  await admin.page.getByLabel('Key').fill(ready().adminKey);
  await admin.page.getByRole('button', { name: 'Sign in' }).click();
  await admin.page.getByRole('heading', { level: 1, name: 'Segments' }).waitFor();
  expect(await admin.mainMenu().count()).toBe(1);
}, 90_000);

test('a link with the key signs in, and the address does not keep it', async () => {
  const context = await admin.browser.newContext();
  const other = await context.newPage();
  await other.goto(admin.urlWithKey);
  await other.getByRole('heading', { level: 1, name: 'Segments' }).waitFor({ timeout: PATIENCE_MS });
  expect(other.url()).not.toContain(ready().adminKey);
  await other.reload();
  await other.getByRole('heading', { level: 1, name: 'Segments' }).waitFor({ timeout: PATIENCE_MS });
  await context.close();
}, 90_000);

test('segments stand there as a table and in two pictures, with what they are as of', async () => {
  await segmentRows().first().waitFor();
  const { segments, drawn } = await api().ask<{ segments: { totalCount: number; nodes: { name: string }[] }; drawn: { totalCount: number } }>(
    '{ segments(first: 100) { totalCount nodes { name } } drawn: segments(kind: LEARNED) { totalCount } }',
  );
  expect(await segmentRows().count()).toBe(segments.totalCount);
  const text = await admin.page.getByRole('region', { name: 'All segments' }).innerText();
  for (const { name } of segments.nodes) expect(text).toContain(name);
  expect(await admin.page.getByText(/^as of .+, by model v\d+, over [\d,]+ customers$/).count()).toBe(1);
  expect(await coloursOf(/^Shares of the segments/, drawn.totalCount)).toBeGreaterThanOrEqual(drawn.totalCount);
  expect(await coloursOf(/^Map of \d+ customers/, drawn.totalCount)).toBeGreaterThanOrEqual(drawn.totalCount);
  await shoot('segments');
}, 90_000);

test('a segment opens from the table, with its traits, members and life', async () => {
  const name = (await segmentRows().first().getByRole('link').first().innerText()).trim();
  await segmentRows().first().getByRole('link').first().click();
  await admin.page.getByRole('heading', { level: 1, name }).waitFor();
  await admin.page.getByRole('region', { name: 'Members' }).locator('tbody tr').first().waitFor();
  await admin.page.getByRole('region', { name: 'Its life' }).getByText('Born').first().waitFor();
  const id = decodeURIComponent(admin.page.url().split('/segments/')[1] ?? '');
  const { segment } = await api().ask<{ segment: { traits: { key: string }[] } | null }>('query($id: ID!) { segment(id: $id) { traits(first: 10) { key } } }', { id });
  expect(await admin.page.getByRole('region', { name: 'What sets it apart' }).locator('tbody tr').count()).toBe(segment?.traits.length);
  await shoot('segment');
}, 90_000);

test('a segment is drawn on the map, its size follows the threshold, and it is made and moved', async () => {
  await menu('Segments');
  await admin.page.getByRole('link', { name: 'Draw a segment' }).click();
  // The page of segments has a map too.
  await admin.page.getByRole('heading', { level: 1, name: 'Draw a segment' }).waitFor();
  const map = admin.page.getByRole('img', { name: /^Map of \d+ customers/ });
  await coloursOf(/^Map of \d+ customers/, 2);
  const segment = admin.page.getByRole('region', { name: 'The segment' });
  const draw = async (): Promise<number> => {
    // Where the map is now: what comes in above it, or scrolls, moves it between one try and the next.
    await map.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await map.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const at = (right: number, down: number): [number, number] => [x + width * right, y + height * down];
    await admin.page.mouse.move(...at(0.02, 0.02));
    await admin.page.mouse.down();
    for (const corner of [at(0.6, 0.02), at(0.6, 0.98), at(0.02, 0.98), at(0.02, 0.03)]) await admin.page.mouse.move(...corner, { steps: 8 });
    await admin.page.mouse.up();
    const none = segment.getByText('No examples yet');
    await none.waitFor({ state: 'detached', timeout: 2_000 }).catch(() => undefined);
    return none.count();
  };
  // The map is drawn anew when the looks of segments come, under the pen of whoever is quicker.
  await until(draw, (missing) => missing === 0, PATIENCE_MS);
  const slider = segment.getByRole('slider');
  await slider.waitFor();
  const closenessIn = async (place: ReturnType<Page['getByRole']>): Promise<string | undefined> => /at least [\d.]+\d/.exec(await place.getByText(/^Closeness of/).innerText())?.[0];
  const sizeOf = async (place: ReturnType<Page['getByRole']>): Promise<number> => Number((await place.getByRole('slider').getAttribute('aria-valuetext'))?.replaceAll(/\D/g, ''));
  await slider.focus();
  await admin.page.keyboard.press('Home');
  const closest = await sizeOf(segment);
  for (let step = 0; step < 8; step++) await admin.page.keyboard.press('ArrowRight');
  const chosen = await sizeOf(segment);
  const closeness = await closenessIn(segment);
  expect(chosen).toBeGreaterThan(closest);
  await admin.page.getByRole('button', { name: 'Put it into words' }).click();
  await admin.page.getByRole('region', { name: 'In a short rule' }).getByText(/fidelity/).waitFor();
  await shoot('segment-drawn');
  expect(await admin.brokenRules()).toEqual([]);
  await segment.getByLabel('Name').fill('Drawn by hand');
  await segment.getByRole('button', { name: 'Make the segment' }).click();
  await admin.page.getByRole('heading', { level: 1, name: 'Drawn by hand' }).waitFor();
  const card = admin.page.getByRole('region', { name: 'Drawn by examples' });
  await card.getByRole('slider').waitFor();
  // The card looks again every few seconds: somebody may have moved since it was drawn, and both must know.
  const [segments, previewed] = await until(
    async () => [await api().ask<{ segments: { nodes: { id: string; size: number }[] } }>('{ segments(kind: EXAMPLE) { nodes { id size } } }').then(({ segments: { nodes } }) => nodes), await sizeOf(card)] as const,
    ([nodes, shown]) => nodes[0]?.size === shown,
    PATIENCE_MS,
  );
  expect(previewed).toBeGreaterThan(closest);
  expect(await closenessIn(card)).toBe(closeness);
  await admin.page.getByRole('button', { name: 'Put it into words' }).click();
  await admin.page.getByRole('region', { name: 'In a short rule' }).getByText(/fidelity/).waitFor();
  await card.getByRole('slider').focus();
  await admin.page.keyboard.press('Home');
  await card.getByRole('button', { name: 'Move the threshold' }).click();
  await admin.page.getByText('The threshold is moved').waitFor();
  await shoot('segment-by-example');
  await api().ask('mutation($id: ID!) { deleteSegment(id: $id) { __typename } }', { id: segments[0]?.id });
}, 90_000);

test('the page goes coarser and finer, and a segment says what it is part of, what it is made of, and its rule', async () => {
  interface Level { nodes: { name: string; children: { name: string }[]; rule: { conditions: { text: string }[] } | null }[] }
  const level = 'nodes { name children { name } rule { conditions { text } } }';
  const levels = await api().ask<Record<'coarser' | 'main' | 'finer', Level>>(
    `{ coarser: segments(first: 100, level: COARSER) { ${level} } main: segments(first: 100) { ${level} } finer: segments(first: 100, level: FINER) { ${level} } }`,
  );
  await menu('Segments');
  for (const [words, { nodes }] of [['Coarser', levels.coarser], ['Finer', levels.finer], ['Main', levels.main]] as const) {
    await admin.page.getByRole('button', { name: words, exact: true }).click();
    await until(() => segmentRows().count(), (count) => count === nodes.length, PATIENCE_MS);
    const shown = await segmentRows().getByRole('link').allInnerTexts();
    expect(shown.map((name) => name.trim()).toSorted()).toEqual(nodes.map(({ name }) => name).toSorted());
    await shoot(`segments-${words.toLowerCase()}`);
  }
  // The deepest way that there is, from the coarsest segment on.
  const whole = levels.coarser.nodes.find(({ children }) => children.length > 0) ?? levels.main.nodes.find(({ children }) => children.length > 0);
  const names = [whole?.name ?? levels.main.nodes[0]?.name ?? ''];
  await admin.page.getByRole('button', { name: levels.coarser.nodes.some(({ name }) => name === names[0]) ? 'Coarser' : 'Main', exact: true }).click();
  await segmentRows().getByRole('link', { name: names[0] ?? '', exact: true }).click();
  await admin.page.getByRole('region', { name: 'Made of' }).waitFor();
  await admin.page.getByRole('region', { name: 'On the map' }).locator('canvas').waitFor();
  await shoot('segment-1');
  for (const part of [whole?.children[0], levels.main.nodes.find(({ name }) => name === whole?.children[0]?.name)?.children[0]]) {
    if (!part) break;
    await admin.page.getByRole('region', { name: 'Made of' }).getByRole('link', { name: part.name, exact: true }).click();
    await admin.page.getByRole('heading', { level: 1, name: part.name, exact: true }).waitFor();
    names.push(part.name);
    await admin.page.locator('.crumb', { hasText: names.at(-2) ?? '' }).waitFor();
    const rule = Object.values(levels).flatMap(({ nodes }) => nodes).find(({ name }) => name === part.name)?.rule;
    const said = await admin.page.getByRole('region', { name: 'In a short rule' }).innerText();
    for (const { text } of rule?.conditions ?? []) expect(said).toContain(text);
    await shoot(`segment-${names.length}`);
  }
  expect(names.length).toBeGreaterThan(1);
}, 120_000);

test('Retrain starts a run that is followed live until it has made a model', async () => {
  await menu('Segments');
  await admin.page.getByRole('button', { name: 'Retrain' }).click();
  const progress = admin.page.getByRole('progressbar', { name: 'Progress of the run' });
  await progress.waitFor();
  await until(() => progress.getAttribute('aria-valuenow'), (percent) => Number(percent) > 0, RUN_MS);
  await shoot('retraining');
  await menu('Runs');
  await shoot('runs-live');
  await admin.page.getByRole('link', { name: 'Details' }).click();
  await admin.page.getByText(/^It made model v\d+$/).waitFor({ timeout: RUN_MS });
  expect(await progress.getAttribute('aria-valuenow')).toBe('100');
  await admin.page.getByRole('img', { name: /^Loss over the steps/ }).locator('canvas').waitFor();
  await shoot('run');
  await admin.page.getByRole('link', { name: 'See the model' }).click();
  await admin.page.getByRole('region', { name: 'Evaluation' }).locator('tbody tr').first().waitFor();
  // What was left out says why.
  await admin.page.getByRole('region', { name: 'Properties of its events' }).getByRole('row', { name: /^order_id .* no: .* an id$/ }).waitFor();
  await shoot('model');
  const saved = admin.page.waitForEvent('download');
  await admin.page.getByRole('link', { name: 'Save the report' }).click();
  expect((await saved).suggestedFilename()).toMatch(/^evaluation-of-model-\d+\.html$/);
}, RUN_MS + 60_000);

test('what a run trains can be chosen; what cannot be read is said, and the run can be cancelled', async () => {
  await menu('Runs');
  await admin.page.getByRole('button', { name: 'Choose what to train …' }).click();
  const dialog = admin.page.getByRole('dialog', { name: 'What to train' });
  await dialog.getByLabel('Horizons, in days').fill('30, soon');
  await dialog.getByLabel('Segments').fill('1');
  await dialog.getByRole('button', { name: 'Retrain with these' }).click();
  await dialog.getByRole('alert').filter({ hasText: '“soon” is not a number' }).waitFor();
  await dialog.getByLabel('Horizons, in days').fill('30, 90');
  await dialog.getByRole('button', { name: 'Retrain with these' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'segmentCount: must be 0 (chosen) or 2 to 64' }).waitFor();
  await dialog.getByLabel('Segments').fill('4');
  await dialog.getByLabel('Encoder').selectOption('transformer');
  await dialog.getByText('It has no live form').waitFor();
  await dialog.getByLabel('Encoder').selectOption('');
  await shoot('what-to-train');
  expect(await admin.brokenRules()).toEqual([]);
  await dialog.getByRole('button', { name: 'Retrain with these' }).click();
  await dialog.waitFor({ state: 'detached' });
  await admin.page.getByRole('link', { name: 'Details' }).click();
  await admin.page.getByRole('button', { name: 'Cancel the run' }).click();
  await admin.page.getByText('What is served has not changed.').waitFor();
  const { trainingRuns } = await api().ask<{ trainingRuns: { nodes: { state: string; spec: { segmentCount: number; horizonDays: number[] } }[] } }>(
    '{ trainingRuns(first: 1) { nodes { state spec { segmentCount horizonDays } } } }',
  );
  expect(trainingRuns.nodes).toEqual([{ state: 'CANCELLED', spec: { segmentCount: 4, horizonDays: [30, 90] } }]);
}, 90_000);

test('after the run the segments are there, by whichever model is served', async () => {
  await menu('Segments');
  await segmentRows().first().waitFor();
  const shares = await segmentRows().evaluateAll((rows) => rows.map((row) => row.querySelector('.measured')?.textContent ?? ''));
  expect(shares.length).toBeGreaterThan(1);
  for (const share of shares) expect(share).toMatch(/^[<>]? ?[\d.]+ %$/);
}, 90_000);

test('intake shows a ledger that adds up', async () => {
  await menu('Intake');
  const figures = admin.page.getByRole('region', { name: 'Ledger' }).locator('dl > div > dd:first-of-type');
  await figures.first().waitFor();
  const [received, ...parts] = (await figures.allInnerTexts()).map((text) => Number(text.replaceAll(',', '')));
  expect(received).toBeGreaterThan(0);
  expect(parts.reduce((sum, part) => sum + part, 0)).toBe(received);
  await shoot('intake');
}, 90_000);

test('a key is made, given a second secret beside the first, and revoked', async () => {
  await menu('Keys');
  const name = `Shop ${Date.now()}`;
  const table = admin.page.getByRole('region', { name: 'Keys of the workspace' });
  const row = table.getByRole('row').filter({ hasText: name });
  const dialog = admin.page.getByRole('dialog');
  const secret = async (): Promise<string> => admin.page.getByRole('status').locator('code').innerText();
  await admin.page.getByRole('button', { name: 'Make a key' }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill(name);
  await dialog.getByRole('button', { name: 'Make' }).click();
  await row.getByText('live', { exact: true }).waitFor();
  const first = await secret();

  await row.getByRole('button', { name: `Rotate ${name}` }).click();
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  await row.getByText(/^two secrets until /).waitFor();
  const second = await secret();
  expect(second).not.toBe(first);
  const statusOf = async (key: string): Promise<number> =>
    (await fetch(`${ready().intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{"batch":[]}' })).status;
  for (const key of [first, second]) await until(() => statusOf(key), (status) => status === 200);
  await shoot('keys');

  await row.getByRole('button', { name: `Revoke ${name}` }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await row.getByText('revoked', { exact: true }).waitFor();
  for (const key of [first, second]) await until(() => statusOf(key), (status) => status === 401, 5_000);
}, 90_000);

test('a webhook is made, its deliveries are seen, and what was given up or delivered is sent again', async () => {
  const received: string[] = [];
  const receiver = createServer((request, response) => {
    received.push(String(request.headers['webhook-id']));
    request.resume().on('end', () => response.writeHead(204).end());
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/seen-by-browser`;
  const name = `Webhook ${Date.now()}`;
  try {
    await menu('Webhooks');
    await admin.page.getByRole('button', { name: 'Make a webhook' }).first().click();
    const dialog = admin.page.getByRole('dialog');
    await dialog.getByLabel('URL').fill(url);
    await dialog.getByRole('button', { name: 'Make' }).click();
    expect(await admin.page.getByRole('status').locator('code').innerText()).toMatch(/^whsec_/);
    await shoot('webhooks');

    // A fixed list is a segment that customers enter at once.
    const { customers } = await api().ask<{ customers: { nodes: { userId: string | null }[] } }>('{ customers(first: 25) { nodes { userId } } }');
    const userId = customers.nodes.find((one) => one.userId !== null)?.userId;
    await api().ask('mutation($input: CreateSegmentInput!) { createSegment(input: $input) { __typename } }', { input: { name, userIds: [userId] } });
    await admin.page.getByRole('region', { name: 'Webhooks of the workspace' }).getByRole('link', { name: url }).click();
    const row = admin.page.getByRole('region', { name: 'Deliveries' }).locator('tbody tr').filter({ hasText: name });
    await row.getByText('delivered', { exact: true }).waitFor();
    const before = received.length;
    await row.getByRole('button', { name: 'Send again' }).click();
    await until(() => Promise.resolve(received.length), (count) => count > before, PATIENCE_MS);
    expect(received.at(-1)).toBe(received[0]);
    await row.getByText('delivered', { exact: true }).waitFor();
    await shoot('webhook');
    await admin.page.getByRole('button', { name: 'Given up' }).click();
    await admin.page.getByRole('heading', { name: 'None' }).waitFor();

    await admin.page.getByRole('button', { name: 'Turn off' }).click();
    await admin.page.getByRole('button', { name: 'Turn on' }).waitFor();
    await admin.page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await admin.page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor();
    await until(() => admin.page.getByRole('link', { name: url }).count(), (count) => count === 0, PATIENCE_MS);
  } finally {
    receiver.close();
    const { segments } = await api().ask<{ segments: { nodes: { id: string; name: string }[] } }>('{ segments(first: 100, kind: STATIC) { nodes { id name } } }');
    for (const one of segments.nodes) if (one.name === name) await api().ask('mutation($id: ID!) { deleteSegment(id: $id) { __typename } }', { id: one.id });
  }
}, 90_000);

test('on a narrow screen and in the dark nothing is cut off', async () => {
  await admin.page.setViewportSize(NARROW);
  await admin.page.emulateMedia({ colorScheme: 'dark' });
  for (const place of PLACES) {
    await admin.visit(place);
    expect(await admin.cutOff()).toBe(0);
    // The bar above is a line of its own, also where the page is short.
    expect((await admin.page.locator('.side').boundingBox())?.height).toBeLessThan(80);
    // Of a menu that is wider than the screen, the place where one is stays in sight.
    const link = await admin.mainMenu().getByRole('link', { name: place }).boundingBox();
    expect(link && link.x >= 0 && link.x + link.width <= NARROW.width).toBe(true);
    await shoot(`narrow-dark-${place.toLowerCase().replace(' ', '-')}`);
  }
}, 90_000);

test('every page keeps the rules of accessibility, in light and in dark', async () => {
  await admin.page.setViewportSize(WIDE);
  const broken: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await admin.page.emulateMedia({ colorScheme });
    for (const place of PLACES) {
      await admin.visit(place);
      broken.push(...(await admin.brokenRules()).map((rule) => `${place}, ${colorScheme}: ${rule}`));
    }
  }
  expect(broken).toEqual([]);
}, 120_000);

test('signing out forgets the key, and nothing went wrong on the way', async () => {
  await admin.page.getByRole('button', { name: 'Sign out' }).click();
  await admin.page.getByLabel('Key').waitFor();
  await admin.page.reload();
  await admin.page.getByLabel('Key').waitFor();
  expect(admin.complaints).toEqual([]);
}, 90_000);
