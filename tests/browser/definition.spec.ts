// Segments that people define, on the admin page in a real Chromium: made, read in words, changed, and ended.
import { api, until } from '../e2e/ready.ts';
import { adminPage, PATIENCE_MS } from './admin-page.ts';

const NAME = `Ordered lately ${Date.now()}`;

const admin = adminPage();

const rows = () => admin.region('All segments').locator('tbody tr');
const textbox = (name: string) => admin.page.getByRole('textbox', { name, exact: true });
/** Digits of the count that stands above the list, and of the list's own. */
const counted = async (): Promise<[string, string]> => [
  (await admin.page.locator('.stat', { hasText: 'Customers' }).locator('dd').first().innerText()).replaceAll(/\D/g, ''),
  /of ([\d,]+) members/.exec(await admin.region('Members').innerText())?.[1]?.replaceAll(',', '') ?? '0',
];

interface Defined {
  segments: { nodes: { id: string; name: string; size: number }[] };
}

async function held(): Promise<Defined['segments']['nodes'][number] | undefined> {
  const { segments } = await api().ask<Defined>('{ segments(kind: RULE, first: 100) { nodes { id name size } } }');
  return segments.nodes.find(({ name }) => name === NAME);
}

test('a rule is put together, counted and made; what is missing is said', async () => {
  await admin.visit('Segments');
  await admin.page.getByRole('link', { name: 'Define a segment' }).click();
  await admin.page.getByRole('heading', { level: 1, name: 'Define a segment' }).waitFor();
  const count = admin.page.getByRole('button', { name: 'Count who meets it' });
  await admin.page.getByText('Name the event, as it is sent.').waitFor();
  expect(await count.isDisabled()).toBe(true);
  await admin.page.getByRole('combobox', { name: 'Event' }).fill('Order Complete');
  await textbox('Within days').fill('90');
  await count.click();
  await admin.page.getByRole('alert').getByText('no event is called "Order Complete"').waitFor();
  await admin.page.getByRole('combobox', { name: 'Event' }).fill('Order Completed');
  await admin.page.getByRole('button', { name: '+ where a property …' }).click();
  // What the event carries is offered, and what identify says of customers is not.
  const offered = admin.page.locator(`datalist[id="${await admin.page.getByRole('combobox', { name: 'Where property' }).getAttribute('list')}"] option`);
  expect(await offered.allTextContents()).toEqual(expect.arrayContaining(['currency', 'revenue']));
  expect(await offered.allTextContents()).not.toContain('country');
  await admin.page.getByRole('combobox', { name: 'Where property' }).fill('revenu');
  await admin.page.getByRole('combobox', { name: 'Compared' }).selectOption('AT_LEAST');
  await textbox('Value').fill('1');
  await count.click();
  await admin.page.getByText('has the property "revenu". Did you mean "revenue"?').waitFor();
  await admin.shoot('define-notice');
  await admin.page.getByRole('combobox', { name: 'Where property' }).fill('revenue');
  await admin.page.getByRole('button', { name: 'An attribute' }).click();
  const attribute = admin.page.getByRole('group', { name: 'An attribute' });
  // Names that some customers have are offered.
  expect(await admin.page.locator('datalist option').filter({ hasText: /^country$/ }).count()).toBe(1);
  await attribute.getByRole('combobox', { name: 'Attribute' }).fill('country');
  await attribute.getByRole('textbox', { name: 'Value' }).fill('Nowhere');
  await attribute.getByRole('checkbox', { name: 'not' }).check();
  await count.click();
  await admin.page.getByText('Did you mean').waitFor({ state: 'detached' });
  const { previewSegment } = await api().ask<{ previewSegment: { size: number } }>(
    `{ previewSegment(condition: { all: [
      { performed: { event: "Order Completed", atLeast: 1, withinDays: 90, filters: [{ property: "revenue", operator: AT_LEAST, value: 1 }] } },
      { not: { attribute: { property: "country", operator: EQUALS, value: "Nowhere" } } }] }) { size } }`,
  );
  // Orders come in meanwhile.
  const shown = Number((await admin.page.getByText(/^[\d,]+ customers?$/).innerText()).replaceAll(/\D/g, ''));
  expect(Math.abs(shown - previewSegment.size)).toBeLessThanOrEqual(2);
  expect(shown).toBeGreaterThan(0);
  await admin.shoot('define');
  expect(await admin.brokenRules()).toEqual([]);
  await textbox('Name').fill(NAME);
  await admin.page.getByRole('button', { name: 'Make the segment' }).click();
  await admin.page.getByRole('heading', { level: 1, name: NAME }).waitFor();
}, 90_000);

test('its page has the rule in words, and the count above the list is that of the list, while members come in', async () => {
  const rule = admin.region('The rule');
  await rule.getByText('did “Order Completed” in the last 90 days, where revenue is at least 1').waitFor();
  await rule.getByText('not: country is “Nowhere”').waitFor();
  await until(held, (segment) => (segment?.size ?? 0) > 0, PATIENCE_MS);
  const [above, within] = await until(counted, ([size, listed]) => Number(size) > 0 && size === listed, PATIENCE_MS);
  expect(above).toBe(within);
  expect(await admin.region('Members').getByRole('columnheader', { name: 'Strength' }).count()).toBe(0);
  await admin.shoot('segment-by-rule');
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('a member’s page has what the rule finds of them, condition by condition', async () => {
  await admin.region('Members').getByRole('link').first().click();
  const met = admin.region('By definition').locator('.stack.tight', { hasText: NAME });
  const row = (words: string) => met.getByRole('row').filter({ hasText: words });
  await row('in the last 90 days, where revenue is at least 1').getByText('yes').waitFor();
  await row('in the last 90 days, where revenue is at least 1').getByText(/counts until/).waitFor();
  await row('not: country is “Nowhere”').getByText('yes').waitFor();
  await admin.shoot('customer-by-definition');
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('among what a model draws it says what it is, and the picture of shares is of what adds up to everyone', async () => {
  await admin.visit('Segments');
  await rows().filter({ hasText: NAME }).getByText('Whoever meets a rule').waitFor();
  const shares = await admin.page.getByRole('img', { name: /^Shares of the segments/ }).getAttribute('aria-label');
  const { segments } = await api().ask<Defined>('{ segments(kind: LEARNED, first: 100) { nodes { id name size } } }');
  for (const { name } of segments.nodes) expect(shares).toContain(name);
  expect(shares).not.toContain(NAME);
}, 90_000);

test('the rule is changed from what it was, and the segment ends', async () => {
  await rows().getByRole('link', { name: NAME }).click();
  await admin.page.getByRole('link', { name: 'Change the rule' }).click();
  await admin.page.getByRole('heading', { level: 1, name: `Change “${NAME}”` }).waitFor();
  expect(await admin.page.getByRole('combobox', { name: 'Event' }).inputValue()).toBe('Order Completed');
  await textbox('At least').fill('400');
  await admin.page.getByRole('button', { name: 'Change the segment' }).click();
  await admin.region('The rule').getByText('did “Order Completed” at least 400 times in the last 90 days, where revenue is at least 1').waitFor();
  await until(held, (segment) => segment?.size === 0, PATIENCE_MS);
  await admin.region('Members').getByText('Nobody is in it now').waitFor();
  await admin.page.getByRole('button', { name: 'Delete' }).click();
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await admin.page.getByRole('heading', { level: 1, name: 'Segments', exact: true }).waitFor();
  await until(async () => ({ left: await held() }), ({ left }) => left === undefined, PATIENCE_MS);
  await rows().first().waitFor();
  expect(await rows().filter({ hasText: NAME }).count()).toBe(0);
  expect(admin.complaints).toEqual([]);
}, 90_000);

test('a fixed list is made, and an id that nobody has is named', async () => {
  const { customers } = await api().ask<{ customers: { nodes: { userId: string | null }[] } }>('{ customers(first: 25) { nodes { userId } } }');
  const [one, other] = customers.nodes.flatMap(({ userId }) => userId ?? []);
  await admin.page.getByRole('link', { name: 'Define a segment' }).click();
  await admin.page.getByRole('button', { name: 'A fixed list' }).click();
  await textbox('User ids').fill(`${one} ${other} nobody-at-all`);
  await textbox('Name').fill(`${NAME}, listed`);
  await admin.page.getByRole('button', { name: 'Make the segment' }).click();
  await admin.page.getByRole('alert').getByText('"nobody-at-all"').waitFor();
  await textbox('User ids').fill(`${one}\n${other}`);
  await admin.page.getByRole('button', { name: 'Make the segment' }).click();
  await admin.page.getByRole('heading', { level: 1, name: `${NAME}, listed` }).waitFor();
  await admin.region('Members').getByText('1–2 of 2 members').waitFor();
  expect(await counted()).toEqual(['2', '2']);
  const itself = admin.page.url();
  await admin.region('Members').getByRole('link', { name: String(one), exact: true }).click();
  const belongs = admin.region('Belongs to');
  await belongs.getByText('Also in').waitFor();
  await belongs.getByRole('link', { name: `${NAME}, listed` }).waitFor();
  // The place that the model gives stands first, with its strength; a list has none.
  expect(await belongs.getByRole('meter', { name: /^Strength of/ }).count()).toBe(1);
  const customer = admin.page.url();
  await admin.page.goto(itself);
  await admin.page.getByRole('button', { name: 'Delete' }).click();
  await admin.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await admin.page.getByRole('heading', { level: 1, name: 'Segments', exact: true }).waitFor();
  await admin.page.goto(customer);
  const moves = admin.region('Moves');
  await moves.locator('li', { hasText: `${NAME}, listed` }).filter({ hasText: 'left, ' }).waitFor();
  expect(await moves.getByText('Unlike anything seen').count()).toBe(0);
}, 90_000);

test('a sum, ever, and lists of values are put together and counted as the API counts them', async () => {
  await admin.visit('Segments');
  await admin.page.getByRole('link', { name: 'Define a segment' }).click();
  await admin.page.getByRole('combobox', { name: 'Event' }).fill('Order Completed');
  await textbox('Within days').fill('');
  await admin.page.getByRole('button', { name: '+ a sum of …' }).click();
  await admin.page.getByText('Name the property that is added up.').waitFor();
  await admin.page.getByRole('combobox', { name: 'Sum of property' }).fill('revenue');
  await textbox('Sum at least').fill('100.5');
  await admin.page.getByRole('button', { name: '+ where a property …' }).click();
  await admin.page.getByRole('combobox', { name: 'Where property' }).fill('currency');
  await admin.page.getByRole('combobox', { name: 'Compared' }).selectOption('IS_SET');
  expect(await textbox('Value').count()).toBe(0);
  await admin.page.getByRole('button', { name: 'An attribute' }).click();
  const attribute = admin.page.getByRole('group', { name: 'An attribute' });
  await attribute.getByRole('combobox', { name: 'Attribute' }).fill('country');
  await attribute.getByRole('combobox', { name: 'Compared' }).selectOption('IS_ONE_OF');
  await attribute.getByRole('textbox', { name: 'Values, one a line' }).fill('DE\nFR\nplease\n');
  await admin.page.getByRole('button', { name: 'Count who meets it' }).click();
  const shown = admin.page.getByText(/^([\d,]+|No) customers?$/);
  await shown.waitFor();
  const { previewSegment } = await api().ask<{ previewSegment: { size: number } }>(
    `{ previewSegment(condition: { all: [
      { performed: { event: "Order Completed", filters: [{ property: "currency", operator: IS_SET }], sum: { property: "revenue", atLeast: 100.5 } } },
      { attribute: { property: "country", operator: IS_ONE_OF, value: ["DE", "FR", "please"] } }] }) { size } }`,
  );
  expect(Math.abs(Number((await shown.innerText()).replaceAll(/\D/g, '')) - previewSegment.size)).toBeLessThanOrEqual(2);
  await admin.shoot('define-sum');
  expect(await admin.cutOff()).toBe(0);
  expect(await admin.brokenRules()).toEqual([]);
}, 90_000);

test('a rule that was made without a preview says on its page what it names and nobody has', async () => {
  const { createSegment } = await api().ask<{ createSegment: { id: string } }>(
    `mutation($name: String!) { createSegment(input: { name: $name, condition: { performed: { event: "Order Completed", atLeast: 1, filters: [{ property: "revenu", operator: AT_LEAST, value: 1 }] } } }) { ... on Segment { id } } }`,
    { name: `Misspelt ${Date.now()}` },
  );
  await admin.follow(`/segments/${encodeURIComponent(createSegment.id)}`);
  await admin.region('The rule').getByText('has the property "revenu". Did you mean "revenue"?').waitFor();
  expect(await admin.brokenRules()).toEqual([]);
  await admin.shoot('segment-notice');
  await api().ask('mutation($id: ID!) { deleteSegment(id: $id) { __typename } }', { id: createSegment.id });
}, 60_000);
