import { access, definition, serving, worker } from '#libs/contracts';

import { publicId } from '../../apps/serving/src/page/public-id.js';
import { type Condition, condition, DAY, Defining, list, performed, rule } from './defining.js';
import { model, orders, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const { PropertyOperator: Operator } = definition;

let house: ServingHouse;
let replica: ServingReplica;
let defining: Defining;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
  defining = new Defining(house, replica);
});
afterAll(() => house.close());

test('a customer leaves when the event that carried them grows too old, without any event of their own', async () => {
  const workspace = await house.workspace(access.Clock.DATA);
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  const bought = Date.now() - 10 * DAY;
  await defining.track(workspace, [{ customerId: who, name: 'Order Completed', at: bought }]);
  const segmentId = await defining.create(workspace, rule('Bought within a day', performed('Order Completed', 1, { atLeast: 1 })));
  await defining.settled(workspace, segmentId);
  await defining.becomes(workspace, segmentId, [who]);
  // The workspace's clock is that of its events: now the day is over.
  await defining.track(workspace, [{ customerId: other, name: 'Product Viewed', at: bought + DAY }]);
  await defining.becomes(workspace, segmentId, []);
  expect(await defining.told(workspace, segmentId)).toEqual([`+${who}`, `-${who}`]);
});

test('a rule over another one follows it, and over a learned segment too', async () => {
  const workspace = await house.workspace();
  const [few = '', many = ''] = await house.customers(workspace.id, 2);
  await defining.track(workspace, [few, many].map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const drawn = model();
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  const { segments, population } = await replica.segments.listSegments({ page: { first: 10, after: '' }, kind: serving.SegmentKind.LEARNED, modelId: '', asOf: undefined, level: worker.SegmentLevel.MAIN, brief: false }, workspace.call);
  const home = segments.find(({ size }) => size > 0);
  const inIt = await defining.create(workspace, rule('In it', condition({ memberOf: home?.id ?? '' })));
  const outOfIt = await defining.create(workspace, rule('Out of it', condition({ not: condition({ memberOf: inIt }) })));
  await defining.becomes(workspace, inIt, [few, many]);
  await defining.becomes(workspace, outOfIt, []);
  await defining.track(workspace, [1, 2, 3, 4].map(() => ({ customerId: many, name: 'Order Completed' })));
  await defining.becomes(workspace, outOfIt, [many]);
  await defining.becomes(workspace, inIt, [few]);
  const after = await replica.segments.listSegments({ page: { first: 10, after: '' }, kind: serving.SegmentKind.UNSPECIFIED, modelId: '', asOf: undefined, level: worker.SegmentLevel.MAIN, brief: false }, workspace.call);
  // Who is in a defined segment does not count twice.
  expect(after.population).toBe(population);
  const { customers: [customer] } = await replica.memberships.getCustomerMemberships({ customerIds: [few] }, workspace.call);
  expect(customer?.memberships.map(({ segmentId }) => segmentId)).toEqual([home?.id, inIt]);
});

test('what a rule finds of a customer is told condition by condition, with how often, how much and until when', async () => {
  const workspace = await house.workspace();
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  const bought = Date.now() - 5 * DAY;
  await defining.track(workspace, [
    ...[5, 2.5].map((revenue, at) => ({ customerId: who, name: 'Order Completed', at: bought + at * 1_000, properties: { revenue } })),
    { customerId: other, name: 'Product Viewed' },
  ]);
  await defining.identify(workspace, who, { plan: 'gold' });
  const listed = await defining.create(workspace, list('Listed', [who]));
  const gold = condition({ attribute: { property: 'plan', operator: Operator.IS_ONE_OF, value: '["gold","club"]' } });
  const parts = [
    performed('Order Completed', 7, { atLeast: 1 }),
    performed('Order Completed', 'ever', {}, [], { property: 'revenue', atLeast: 7 }),
    condition({ any: [gold, performed('Product Viewed', 30, { atLeast: 1 })] }),
    condition({ not: condition({ memberOf: listed }) }),
    condition({ not: condition({ all: [condition({ memberOf: listed }), condition({ not: gold })] }) }),
  ];
  const segmentId = await defining.create(workspace, rule('Of all kinds', condition({ all: parts })));
  const find = async (customerId: string) => (await replica.definitions.findConditions({ segmentId, customerId }, workspace.call)).findings;
  const told = (await find(who)).map(({ path, isMet, times, sum, countsUntil, value }) => ({ path, isMet, times, sum, countsUntil, value }));
  const counted = { times: undefined, sum: undefined, countsUntil: undefined, value: '' };
  expect(told).toEqual([
    { ...counted, path: 'condition.all[0]', isMet: true, times: 2, countsUntil: new Date(bought + 7 * DAY).toISOString() },
    { ...counted, path: 'condition.all[1]', isMet: true, times: 2, sum: 7.5 },
    { ...counted, path: 'condition.all[2].any[0]', isMet: true, value: '"gold"' },
    { ...counted, path: 'condition.all[2].any[1]', isMet: false, times: 0 },
    { ...counted, path: 'condition.all[3]', isMet: false },
    { ...counted, path: 'condition.all[4].not.all[0]', isMet: true },
    { ...counted, path: 'condition.all[4].not.all[1]', isMet: false, value: '"gold"' },
  ]);
  expect((await find(who)).slice(0, 2).map((one) => one.condition)).toEqual(parts.slice(0, 2));
  expect((await find(other)).map(({ isMet }) => isMet)).toEqual([false, false, false, true, true, false, true]);
  expect((await replica.definitions.findConditions({ segmentId: listed, customerId: who }, workspace.call)).findings).toEqual([]);
  await expect(replica.definitions.findConditions({ segmentId: who, customerId: who }, workspace.call)).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
});

test('scoring commits while rules are still judged, of whom some have already crossed', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await defining.track(workspace, orders(who, 2));
  const drawn = model();
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  const lower = await defining.create(workspace, rule('Three orders', performed('Order Completed', 30, { atLeast: 3 })));
  const upper = await defining.create(workspace, rule('Of these', condition({ memberOf: lower })));
  await defining.settled(workspace, upper);
  const home = async () => (await house.owner.query<{ id: string }>('select segment_id as id from serving.memberships where workspace_id = $1 and customer_id = $2 and level = 0 and until is null', [workspace.id, who])).rows[0]?.id;
  const few = await home();
  const door = house.worker.beforeAnswer;
  const holder = await house.connection();
  // Whoever writes members of the second rule waits for this connection, which holds nothing else.
  await holder.query(`create function serving.wait_for_test() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$`);
  await holder.query(`create trigger wait_for_test before insert on serving.memberships for each row when (new.segment_id = '${upper}') execute function serving.wait_for_test()`);
  await holder.query('select pg_advisory_lock(4711)');
  try {
    door.hold();
    await house.track(workspace.id, orders(who, 1));
    await until(() => house.owner.query(`select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`), ({ rowCount }) => rowCount === 1);
    door.go();
    expect(await until(home, (id) => id !== few)).toBeDefined();
    expect(await defining.members(workspace, lower)).toEqual([]);
  } finally {
    door.go();
    await holder.query('select pg_advisory_unlock_all()');
    await holder.query('drop function serving.wait_for_test() cascade');
    await holder.end();
  }
  await defining.becomes(workspace, upper, [who]);
  await defining.becomes(workspace, lower, [who]);
});

test('everyone is looked at in pieces, each a transaction of its own; whoever was looked at before a rule is changed is looked at again', async () => {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 5_000);
  await defining.track(workspace, customers.map((customerId, at) => ({ customerId, name: 'Order Completed', properties: { place: at } })));
  // As autovacuum does within a minute: a planner that takes the tables for empty reads the whole workspace for each customer.
  await house.owner.query('analyze ingestion.subject_customers, ingestion.events');
  const bought = performed('Order Completed', 30, { atLeast: 1 });
  const count = async (segmentId: string) => (await house.owner.query<{ members: number }>('select members::int from serving.segment_sizes where workspace_id = $1 and segment_id = $2', [workspace.id, segmentId])).rows[0]?.members ?? 0;
  const everyone = await defining.create(workspace, rule('Everyone', bought));
  await until(() => count(everyone), (seen) => seen === customers.length);
  await defining.settled(workspace, everyone);
  const { rows: [most] } = await house.owner.query<{ told: number }>(
    `select max(told)::int as told from (select count(*) as told from serving.membership_changes where workspace_id = $1 and to_segment_id = $2 group by xid) as one`, [workspace.id, everyone],
  );
  expect(most?.told).toBeLessThanOrEqual(500);
  const some = await defining.create(workspace, rule('Some', bought));
  await until(() => count(some), (seen) => seen > 0);
  const first = performed('Order Completed', 30, { atLeast: 1 }, [{ property: 'place', operator: Operator.AT_MOST, value: '9' }]);
  await replica.definitions.updateDefinedSegment({ segmentId: some, condition: first, customers: undefined }, workspace.call);
  await defining.settled(workspace, some);
  expect(await defining.members(workspace, some)).toEqual(customers.slice(0, 10).sort());
}, 60_000);

test('a list is changed and ended, and each crossing is told', async () => {
  const workspace = await house.workspace();
  const [one = '', two = ''] = await house.customers(workspace.id, 2);
  const segmentId = await defining.create(workspace, list('Testers', [one]));
  expect(await defining.members(workspace, segmentId)).toEqual([one]);
  await replica.definitions.updateDefinedSegment({ segmentId, condition: undefined, customers: { userIds: [`user-${two}`] } }, workspace.call);
  expect(await defining.members(workspace, segmentId)).toEqual([two]);
  await replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
  expect(await defining.members(workspace, segmentId)).toEqual([]);
  expect(await defining.told(workspace, segmentId)).toEqual([`+${one}`, `-${one}`, `+${two}`, `-${two}`]);
});

test('what cannot be a rule is refused with where and why', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await defining.track(workspace, [{ customerId: who, name: 'Order Completed' }]);
  const bought = performed('Order Completed', 7, { atLeast: 1 });
  const refusal = (given: Condition) => defining.create(workspace, rule('Refused', given)).then(() => 'made', (error: { reason: string; message: string }) => `${error.reason} ${error.message}`);
  expect(await refusal(condition({}))).toMatch(/^CONDITION_INVALID condition: give exactly one/);
  expect(await refusal(condition({ all: [bought, performed('Order Completed', 0, { atLeast: 1 })] }))).toMatch(/^CONDITION_INVALID condition\.all\[1\]\.performed\.withinDays: .*; leave it out for ever/);
  const both = condition({ performed: { event: 'Order Completed', atLeast: 1, atMost: undefined, withinDays: 3, ever: true, filters: [], sum: undefined } });
  expect(await refusal(both)).toMatch(/^CONDITION_INVALID condition\.performed\.withinDays: ever has no window; leave one/);
  expect(await refusal(condition({ any: Array.from({ length: 60 }, () => bought) }))).toMatch(/^CONDITION_TOO_LARGE/);
  expect(await refusal(performed('Order Complete', 7, { atLeast: 1 }))).toMatch(/^EVENT_UNKNOWN condition\.performed\.event: .*"Order Complete"/);
  expect(await refusal(condition({ not: condition({ memberOf: workspace.id }) }))).toMatch(/^SEGMENT_UNKNOWN condition\.not\.memberOf: /);
  const filtered = (operator: definition.PropertyOperator, value: string) => refusal(performed('Order Completed', 7, { atLeast: 1 }, [{ property: 'note', operator, value }]));
  const summed = (sum: { property: string; atLeast?: number; atMost?: number }) => refusal(condition({ any: [performed('Order Completed', 7, {}, [], sum)] }));
  expect(await refusal(performed('Order Completed', 7, {}))).toMatch(/^CONDITION_INVALID condition\.performed: say how often by atLeast, atMost or both, or how much by sum/);
  expect(await summed({ property: '', atLeast: 1 })).toMatch(/^CONDITION_INVALID condition\.any\[0\]\.performed\.sum\.property: a name has/);
  expect(await summed({ property: 'revenue' })).toMatch(/performed\.sum: say how much: atLeast, atMost or both/);
  expect(await summed({ property: 'revenue', atLeast: Infinity })).toMatch(/performed\.sum: a number lies within what a double holds/);
  expect(await summed({ property: 'revenue', atLeast: 2.5, atMost: 1 })).toMatch(/performed\.sum: atLeast 2\.5 is more than atMost 1/);
  expect(await filtered(Operator.CONTAINS, '5')).toMatch(/^CONDITION_INVALID condition\.performed\.filters\[0\]\.value: only a text .*; give one in quotes/);
  expect(await filtered(Operator.STARTS_WITH, '""')).toMatch(/value: every text has an empty one in it; give some letters/);
  expect(await filtered(Operator.IS_SET, '"x"')).toMatch(/value: what IS_SET asks needs no value; leave it out/);
  expect(await filtered(Operator.EQUALS, '')).toMatch(/value: a value is a text, a number, true or false/);
  expect(await filtered(Operator.IS_ONE_OF, '"x"')).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, '[]')).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, JSON.stringify(Array.from({ length: 101 }, (_, at) => at)))).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, '["x", null]')).toMatch(/value\[1\]: a value is/);
  expect(await filtered(Operator.IS_ONE_OF, '["x", 1]')).toMatch(/value: values of a list are of one type; join two conditions by `any`/);
  expect(await defining.create(workspace, list('Nobody', [])).then(() => 'made')).toBe('made');
  await expect(replica.definitions.createDefinedSegment({ ...list('L', []), customers: { userIds: ['ghost', 'phantom'] } }, workspace.call)).rejects.toMatchObject({
    reason: 'CUSTOMER_UNKNOWN', message: expect.stringContaining('"ghost", "phantom"'),
  });
  const first = await defining.create(workspace, rule('First', bought));
  await expect(defining.create(workspace, rule('first', bought))).rejects.toMatchObject({ reason: 'NAME_TAKEN' });
  const second = await defining.create(workspace, rule('Second', condition({ memberOf: first })));
  const names = (given: Condition) => replica.definitions.updateDefinedSegment({ segmentId: first, condition: given, customers: undefined }, workspace.call);
  await expect(names(condition({ memberOf: first }))).rejects.toMatchObject({ reason: 'CONDITION_CYCLE', message: 'The rule would name itself.' });
  await expect(names(condition({ any: [bought, condition({ memberOf: second })] }))).rejects.toMatchObject({
    reason: 'CONDITION_CYCLE', message: `The rule would name itself, by way of "Second" (${publicId('Segment', second)}).`,
  });
  await expect(replica.definitions.deleteDefinedSegment({ segmentId: first }, workspace.call)).rejects.toMatchObject({
    reason: 'SEGMENT_IN_USE', message: `The rule of "Second" (${publicId('Segment', second)}) names it; change or delete that one first.`,
  });
});

test.each([
  ['a NUL character', '"\\u0000"', /value: .*NUL/],
  ['half a character', '"\\ud800"', /value: .*surrogate/],
  ['a number beyond what a double holds', '1e400', /value: .*double/],
  ['a text of any length', JSON.stringify('x'.repeat(3_000)), /value: .*2000 characters/],
  // Well-formed, and yet beyond what Postgres holds.
  ['a number finer than the database holds', '1e-99999', /^condition: the database refuses it/],
])('a rule with %s is refused before anything is made of it', async (_, value, message) => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await defining.track(workspace, [{ customerId: who, name: 'Order Completed' }]);
  const fine = performed('Order Completed', 366, { atLeast: 1 });
  const given = performed('Order Completed', 366, { atLeast: 1 }, [{ property: 'currency', operator: Operator.DIFFERS, value }]);
  const refused = { reason: 'CONDITION_INVALID', message: expect.stringMatching(message) as string };
  const segmentId = await defining.create(workspace, rule('Fine', fine));
  await expect(defining.create(workspace, rule('Refused', given))).rejects.toMatchObject(refused);
  await expect(replica.definitions.previewDefinedSegment({ condition: given }, workspace.call)).rejects.toMatchObject(refused);
  await expect(replica.definitions.updateDefinedSegment({ segmentId, condition: given, customers: undefined }, workspace.call)).rejects.toMatchObject(refused);
});

test('names of events and properties are texts that the database holds', async () => {
  const workspace = await house.workspace();
  const path = (given: Condition) => replica.definitions.previewDefinedSegment({ condition: given }, workspace.call).then(() => '', ({ metadata }: { metadata: { path: string } }) => metadata.path);
  expect(await path(performed('Order\0Completed', 7, { atLeast: 1 }))).toBe('condition.performed.event');
  expect(await path(condition({ all: [condition({ attribute: { property: 'a\0', operator: Operator.EQUALS, value: '1' } })] }))).toBe('condition.all[0].attribute.property');
});

/** Gives a rule in the tables another value, as none is given by a call. */
const spoil = async ({ id }: TestWorkspace, segmentId: string, from: string, to: string) =>
  (await house.owner.query('update serving.segment_definitions set condition = replace(condition::text, $3, $4)::jsonb where workspace_id = $1 and segment_id = $2', [id, segmentId, from, to])).rowCount;
const definitionOf = async ({ call }: TestWorkspace, segmentId: string) => (await replica.definitions.getSegmentDefinition({ segmentId }, call)).definition;

test.each([
  ['that the database refuses nevertheless', '"7"', '"1e-99999"', expect.anything(), /numeric/],
  ['that is stored in a form which is not known', '"performed"', '"happened"', undefined, /^condition: give exactly one of/],
  ['with a count that is none', '"atLeast": 1', '"atLeast": "often"', undefined, /^condition.performed: .* whole numbers/],
  ['that is stored in no form at all', '"any": []', '"any": [null]', undefined, /null/],
])('a rule %s is told as such and left out; the others go on, and it comes back with everyone', async (_, from, to, condition, failure) => {
  const workspace = await house.workspace();
  const [first = '', second = ''] = await house.customers(workspace.id, 2);
  await defining.track(workspace, [{ customerId: first, name: 'Order Completed' }]);
  const spoilt = await defining.create(workspace, rule('Spoilt', performed('Order Completed', 30, { atLeast: 1 }, [{ property: 'revenue', operator: Operator.DIFFERS, value: '7' }])));
  const other = await defining.create(workspace, rule('Other', performed('Order Completed', 30, { atLeast: 1 })));
  await defining.becomes(workspace, spoilt, [first]);
  expect(await spoil(workspace, spoilt, from, to)).toBe(1);
  await defining.track(workspace, [{ customerId: second, name: 'Order Completed' }]);
  await defining.becomes(workspace, other, [first, second]);
  const added = await defining.create(workspace, rule('Added', performed('Order Completed', 60, { atLeast: 1 })));
  await defining.settled(workspace, added);
  expect(await defining.members(workspace, added)).toEqual([first, second].sort());
  expect(await definitionOf(workspace, spoilt)).toMatchObject({ condition, failure: expect.stringMatching(failure) as string, progress: 0 });
  expect(await definitionOf(workspace, other)).toMatchObject({ failure: '', progress: 1 });
  expect(await defining.members(workspace, spoilt)).toEqual([first]);
  expect(await spoil(workspace, spoilt, to, from)).toBe(1);
  await house.owner.query(`update serving.segment_definitions set retry_at = now() where workspace_id = $1 and segment_id = $2`, [workspace.id, spoilt]);
  await defining.becomes(workspace, spoilt, [first, second]);
  expect(await defining.settled(workspace, spoilt)).toMatchObject({ definition: { failure: '' } });
});

test('a workspace whose rules cannot be followed at all keeps no other one waiting', async () => {
  const [stuck, sound] = [await house.workspace(), await house.workspace()];
  const ordered = rule('Ordered', performed('Order Completed', 30, { atLeast: 1 }));
  const made: string[] = [];
  for (const workspace of [stuck, sound]) {
    const [who = ''] = await house.customers(workspace.id, 1);
    await defining.track(workspace, [{ customerId: who, name: 'Order Completed' }]);
    const segmentId = await defining.create(workspace, ordered);
    await defining.settled(workspace, segmentId);
    made.push(segmentId);
  }
  await house.owner.query(`update serving.definition_positions set newest_event_at = 'infinity' where workspace_id = $1`, [stuck.id]);
  const [late = ''] = await house.customers(sound.id, 1);
  await defining.track(sound, [{ customerId: late, name: 'Order Completed' }]);
  await until(() => defining.members(sound, made[1] ?? ''), (seen) => seen.includes(late));
});

test('a rule names attributes: who is told to have one comes, with or without behaviour, and goes when it changes', async () => {
  const workspace = await house.workspace();
  const [gold = '', free = '', silent = '', rich = ''] = await house.customers(workspace.id, 4);
  await defining.track(workspace, [gold, free, rich].map((customerId) => ({ customerId, name: 'Order Completed' })));
  await defining.identify(workspace, gold, { plan: 'gold', seats: 3 });
  await defining.identify(workspace, free, { plan: 'free' });
  const attribute = (property: string, operator: definition.PropertyOperator, value: unknown) => condition({ attribute: { property, operator, value: JSON.stringify(value) } });
  const isGold = await defining.create(workspace, rule('Gold', attribute('plan', Operator.EQUALS, 'gold')));
  const notFree = await defining.create(workspace, rule('Not free', condition({ all: [performed('Order Completed', 30, { atLeast: 1 }), attribute('plan', Operator.DIFFERS, 'free')] })));
  const many = await defining.create(workspace, rule('Many seats', attribute('seats', Operator.AT_LEAST, 10)));
  await defining.becomes(workspace, isGold, [gold]);
  await defining.becomes(workspace, notFree, [gold, rich]);
  await defining.identify(workspace, silent, { plan: 'gold' });
  await defining.identify(workspace, rich, { seats: 10 });
  await defining.becomes(workspace, isGold, [gold, silent]);
  await defining.becomes(workspace, many, [rich]);
  await defining.identify(workspace, gold, { plan: 'free' });
  await defining.becomes(workspace, isGold, [silent]);
  await defining.becomes(workspace, notFree, [rich]);
  expect((await replica.definitions.previewDefinedSegment({ condition: attribute('plan', Operator.EQUALS, 'free') }, workspace.call)).size).toBe(2);
  await expect(defining.create(workspace, rule('Nameless', attribute('', Operator.EQUALS, 1)))).rejects.toMatchObject({ reason: 'CONDITION_INVALID', metadata: { path: 'condition.attribute.property' } });
});

test('a preview tells of names that nobody has, where they are, and what may have been meant; what is rare is no misspelling', async () => {
  const workspace = await house.workspace();
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  await defining.track(workspace, [
    // Beyond the events of which some are looked at first.
    ...Array.from({ length: 1_200 }, () => ({ customerId: who, name: 'Order Completed', properties: { revenue: 5, size: '42' } })),
    { customerId: other, name: 'Order Completed', properties: { revenue: 5, giftNote: 'hello' } },
    { customerId: other, name: 'Product Viewed', at: Date.now() - 20 * DAY, properties: { sku: 'a' } },
  ]);
  await defining.identify(workspace, who, { plan: 'gold', age: '40' });
  const filters = (...given: [string, definition.PropertyOperator, string][]) => given.map(([property, operator, value]) => ({ property, operator, value }));
  const noticesOf = async (given: Condition) => (await replica.definitions.previewDefinedSegment({ condition: given }, workspace.call)).notices;
  const ordered = performed('Order Completed', 30, { atLeast: 1 }, filters(['revenu', Operator.AT_LEAST, '5'], ['giftNote', Operator.IS_SET, ''], ['size', Operator.AT_MOST, '50']));
  const attribute = (property: string, operator: definition.PropertyOperator, value: string) => condition({ attribute: { property, operator, value } });
  const given = condition({ all: [attribute('Plan', Operator.EQUALS, '"gold"'), condition({ not: ordered }), attribute('age', Operator.AT_LEAST, '30'), attribute('coupon', Operator.IS_SET, '')] });
  const found = await noticesOf(given);
  expect(found.map(({ code, path, name, nearest }) => [code, path, name, nearest])).toEqual([
    ['ATTRIBUTE_UNKNOWN', 'condition.all[0].attribute.property', 'Plan', 'plan'],
    ['PROPERTY_UNKNOWN', 'condition.all[1].not.performed.filters[0].property', 'revenu', 'revenue'],
    ['PROPERTY_NOT_NUMBER', 'condition.all[1].not.performed.filters[2].property', 'size', ''],
    ['ATTRIBUTE_NOT_NUMBER', 'condition.all[2].attribute.property', 'age', ''],
    ['ATTRIBUTE_UNKNOWN', 'condition.all[3].attribute.property', 'coupon', ''],
  ]);
  expect(found[1]?.message).toBe('No "Order Completed" within 30 days has the property "revenu". Did you mean "revenue"?');
  // Nothing is known of an event that did not happen in the window; and what is still to come makes no rule impossible.
  expect(await noticesOf(performed('Product Viewed', 7, { atMost: 0 }, filters(['skew', Operator.EQUALS, '"a"'])))).toEqual([]);
  const segmentId = await defining.create(workspace, rule('Yet to come', given));
  const { notices } = await replica.definitions.getRuleNotices({ segmentId }, workspace.call);
  expect(notices).toEqual(found);
  const listed = await defining.create(workspace, list('Listed', []));
  expect((await replica.definitions.getRuleNotices({ segmentId: listed }, workspace.call)).notices).toEqual([]);
  await expect(replica.definitions.getRuleNotices({ segmentId: who }, workspace.call)).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
});

test('a segment that rules name is not deleted, and all of these are told', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  const listed = await defining.create(workspace, list('Listed', [who]));
  const remove = (segmentId: string) => replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
  const first = await defining.create(workspace, rule('First', condition({ memberOf: listed })));
  await expect(remove(listed)).rejects.toMatchObject({ reason: 'SEGMENT_IN_USE', message: expect.stringMatching(/^The rule of "First" .* names it; /) });
  const second = await defining.create(workspace, rule('Second', condition({ not: condition({ memberOf: listed }) })));
  await expect(remove(listed)).rejects.toMatchObject({ reason: 'SEGMENT_IN_USE', message: expect.stringMatching(/^The rules of "First" .*, "Second" .* name it; /) });
  for (const segmentId of [first, second, listed]) await remove(segmentId);
});

test('what everybody or nobody meets is told, and a segment that another model has retired', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await defining.track(workspace, orders(who, 1));
  const serve = async (drawn: ReturnType<typeof model>, fence: number) => {
    await house.prepare(replica, workspace, drawn);
    await replica.activation.activate({ modelId: drawn.id, fence }, workspace.service);
  };
  await serve(model(), 1);
  const { segments } = await replica.segments.listSegments({ page: { first: 10, after: '' }, kind: serving.SegmentKind.LEARNED, modelId: '', asOf: undefined, level: worker.SegmentLevel.MAIN, brief: false }, workspace.call);
  const [home, other] = segments.map(({ id, name }) => ({ name, isIn: condition({ memberOf: id }) }));
  if (!home || !other) throw new Error('a model draws several segments');
  const noticesOf = async (given: Condition) =>
    (await replica.definitions.previewDefinedSegment({ condition: given }, workspace.call)).notices.map(({ code, path, message }) => [code, path, message]);
  const always = performed('Order Completed', 7, { atLeast: 0 });
  expect(await noticesOf(condition({ any: [condition({ all: [home.isIn, other.isIn] }), always] }))).toEqual([
    ['NEVER_MET', 'condition.any[0]', 'Nobody can meet condition.any[0], whatever they do: it rules itself out.'],
    ['ALWAYS_MET', 'condition.any[1]', 'Everybody meets what is asked of "Order Completed", whatever they do.'],
  ]);
  const segmentId = await defining.create(workspace, rule('Not at home', condition({ not: home.isIn })));
  expect((await replica.definitions.getRuleNotices({ segmentId }, workspace.call)).notices).toEqual([]);
  await serve(model(), 2);
  const { notices } = await replica.definitions.getRuleNotices({ segmentId }, workspace.call);
  expect(notices).toMatchObject([{ code: 'SEGMENT_RETIRED', path: 'condition.not.memberOf', name: home.name, message: expect.stringContaining(`draws no segment "${home.name}"`) }]);
  await expect(defining.create(workspace, rule('At home', home.isIn))).rejects.toMatchObject({
    reason: 'SEGMENT_UNKNOWN', message: `condition.memberOf: "${home.name}" was retired or deleted, and nobody is in it.`,
  });
});

test('what a property adds up to is exact, whatever the order; a customer comes with the event that makes it enough and goes when an event of it grows too old', async () => {
  const workspace = await house.workspace(access.Clock.DATA);
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  const start = Date.now() - 60 * DAY;
  const paid = (day: number, revenue: unknown, customerId = who) => ({ customerId, name: 'Order Completed', at: start + day * DAY, properties: { revenue } });
  // As doubles, 0.7 and 0.1 are less than 0.8.
  await defining.track(workspace, [paid(0, 0.7), paid(1, '500'), paid(1, null), paid(1, 1e308, other), paid(1, 1e308, other)]);
  const enough = await defining.create(workspace, rule('Enough', performed('Order Completed', 5, {}, [], { property: 'revenue', atLeast: 0.8, atMost: 1e300 })));
  await defining.settled(workspace, enough);
  expect(await defining.members(workspace, enough)).toEqual([]);
  await defining.track(workspace, [paid(2, 0.1)]);
  await defining.becomes(workspace, enough, [who]);
  await defining.track(workspace, [paid(5.5, 7, other)]);
  await defining.becomes(workspace, enough, []);
  expect(await defining.told(workspace, enough)).toEqual([`+${who}`, `-${who}`]);
  const { notices } = await replica.definitions.previewDefinedSegment({ condition: performed('Order Completed', 30, {}, [], { property: 'revenues', atMost: 3 }) }, workspace.call);
  expect(notices).toMatchObject([{ code: 'PROPERTY_UNKNOWN', path: 'condition.performed.sum.property', nearest: 'revenue' }]);
});
