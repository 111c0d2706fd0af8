import fc from 'fast-check';

import { access, definition, serving, worker } from '#libs/contracts';

import { publicId } from '../../apps/serving/src/page/public-id.js';
import { membersOf, model, orders, ServingHouse, type ServingReplica, type TestEvent, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;
const { PropertyOperator: Operator } = definition;
type Condition = definition.CustomerCondition;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
});
afterAll(() => house.close());

const condition = (part: Partial<Condition>): Condition => ({ all: [], any: [], not: undefined, performed: undefined, memberOf: '', attribute: undefined, ...part });
const performed = (event: string, withinDays: number, times: { atLeast?: number; atMost?: number }, filters: definition.PropertyFilter[] = []): Condition =>
  condition({ performed: { event, atLeast: times.atLeast, atMost: times.atMost, withinDays, filters } });
const rule = (name: string, given: Condition) => ({ name, description: '', condition: given, customers: undefined });
const list = (name: string, ids: readonly string[]) => ({ name, description: '', condition: undefined, customers: { userIds: ids.map((id) => `user-${id}`) } });

async function create({ call }: TestWorkspace, request: definition.CreateDefinedSegmentRequest): Promise<string> {
  const { definition: made } = await replica.definitions.createDefinedSegment(request, call);
  return made?.segmentId ?? '';
}

/** The list and the count that comes with it, which must agree. */
async function members(workspace: TestWorkspace, segmentId: string): Promise<string[]> {
  const answer = await membersOf(replica, workspace, segmentId);
  const { segments } = await replica.segments.getSegments({ ids: [segmentId], modelId: '', asOf: undefined }, workspace.call);
  const ids = answer.members.map(({ customerId }) => customerId).sort();
  expect(answer.pageInfo?.totalCount).toBe(ids.length);
  if (answer.asOf === segments[0]?.asOf) expect(segments[0]?.size).toBe(ids.length);
  return ids;
}

/** Events that the feed shows. */
async function track({ id }: TestWorkspace, events: readonly TestEvent[]): Promise<void> {
  await house.track(id, events);
  await house.untilShown(id);
}

const settled = (workspace: TestWorkspace, segmentId: string) =>
  until(() => replica.definitions.getSegmentDefinition({ segmentId }, workspace.call), ({ definition: seen }) => seen?.progress === 1);
const becomes = (workspace: TestWorkspace, segmentId: string, ids: readonly string[]) =>
  until(() => members(workspace, segmentId), (seen) => JSON.stringify(seen) === JSON.stringify([...ids].sort()));

/** Changes of a segment so far, oldest first: who came (+) and who left (-). */
async function told({ id }: TestWorkspace, segmentId: string): Promise<string[]> {
  const { rows } = await house.owner.query<{ what: string }>(
    `select case when to_segment_id = $2 then '+' else '-' end || customer_id as what from serving.membership_changes
     where workspace_id = $1 and $2 in (from_segment_id, to_segment_id) order by xid, sequence`,
    [id, segmentId],
  );
  return rows.map(({ what }) => what);
}

/** The slow way: for each customer and each condition a count of its own over ingestion's table. */
async function fits(workspaceId: string, customerId: string, part: Condition, at: number): Promise<boolean> {
  const each = (parts: readonly Condition[]) => Promise.all(parts.map((one) => fits(workspaceId, customerId, one, at)));
  if (part.not) return !(await fits(workspaceId, customerId, part.not, at));
  if (part.all.length > 0) return (await each(part.all)).every(Boolean);
  if (part.any.length > 0) return (await each(part.any)).some(Boolean);
  if (part.memberOf !== '') {
    const { rowCount } = await house.owner.query('select from serving.memberships where workspace_id = $1 and customer_id = $2 and segment_id = $3 and until is null', [
      workspaceId, customerId, part.memberOf,
    ]);
    return rowCount === 1;
  }
  if (part.attribute) {
    const { rows } = await house.owner.query<{ value: unknown }>('select value from ingestion.subject_attributes where workspace_id = $1 and subject_id = $2 and name = $3', [workspaceId, customerId, part.attribute.property]);
    return passes(rows[0]?.value, part.attribute);
  }
  const { event = '', withinDays = 0, atLeast = 0, atMost = Infinity, filters = [] } = part.performed ?? {};
  const { rows } = await house.owner.query<{ properties: Record<string, unknown> }>(
    'select properties from ingestion.events where workspace_id = $1 and subject_id = $2 and name = $3 and occurred_at > $4',
    [workspaceId, customerId, event, new Date(at - withinDays * DAY).toISOString()],
  );
  const times = rows.filter(({ properties }) => filters.every((filter) => passes(properties[filter.property], filter))).length;
  return times >= atLeast && times <= atMost;
}

function passes(held: unknown, { operator, value }: definition.PropertyFilter): boolean {
  if (operator === Operator.IS_SET) return held !== undefined && held !== null;
  const wanted = JSON.parse(value) as unknown;
  if (operator === Operator.IS_ONE_OF) return (wanted as unknown[]).includes(held);
  if (operator === Operator.CONTAINS || operator === Operator.STARTS_WITH) {
    if (typeof held !== 'string' || typeof wanted !== 'string') return false;
    return operator === Operator.CONTAINS ? held.includes(wanted) : held.startsWith(wanted);
  }
  if (operator === Operator.EQUALS) return held === wanted;
  if (operator === Operator.DIFFERS) return held !== wanted;
  if (typeof held !== 'number' || typeof wanted !== 'number') return false;
  return operator === Operator.AT_LEAST ? held >= wanted : held <= wanted;
}

const EVENTS = ['Order Completed', 'Product Viewed', 'Cart Opened'];
const NOTES = ['Gift, 50% off_', 'a gift', 'GIFT', '', null, 50, ['Gift']];
const property = fc.constantFrom<object>({ price: 5 }, { price: 50 }, { price: '50' }, { price: null }, { coupon: true }, {}, ...NOTES.map((note) => ({ note })));
/** Times half a day off every window's end. */
const happening = fc.record({ who: fc.nat(7), name: fc.constantFrom(...EVENTS), daysAgo: fc.nat(40), properties: property });
const wordy = (name: string) =>
  fc.oneof(
    fc.record({ property: fc.constant(name), operator: fc.constantFrom(Operator.CONTAINS, Operator.STARTS_WITH), value: fc.constantFrom('"Gift"', '"gift"', '"a"', '"%"', '"_"', '"50"') }),
    fc.record({ property: fc.constant(name), operator: fc.constant(Operator.IS_SET), value: fc.constant('') }),
    fc.record({ property: fc.constant(name), operator: fc.constant(Operator.IS_ONE_OF), value: fc.constantFrom('["GIFT", "a gift"]', '["50", ""]', '[50, 5]', '[true]') }),
  );
const filter = fc.oneof(
  wordy('note'),
  wordy('price'),
  fc.record({ property: fc.constant('price'), operator: fc.constantFrom(Operator.EQUALS, Operator.DIFFERS), value: fc.constantFrom('5', '50', '"50"') }),
  fc.record({ property: fc.constant('price'), operator: fc.constantFrom(Operator.AT_LEAST, Operator.AT_MOST), value: fc.constantFrom('5', '20') }),
  fc.record({ property: fc.constant('coupon'), operator: fc.constantFrom(Operator.EQUALS, Operator.DIFFERS), value: fc.constant('true') }),
);
const leafOf = (segmentId: string) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...EVENTS), fc.integer({ min: 1, max: 40 }), fc.nat(2), fc.nat(2), fc.constantFrom('least', 'most', 'both'), fc.array(filter, { maxLength: 2 })).map(
      ([event, days, least, more, which, filters]) =>
        performed(event, days, { ...(which === 'most' ? {} : { atLeast: least }), ...(which === 'least' ? {} : { atMost: least + more }) }, filters),
    ) },
    { weight: 1, arbitrary: fc.constant(condition({ memberOf: segmentId })) },
    { weight: 2, arbitrary: wordy('note').map((attribute) => condition({ attribute })) },
  );
const ruleOf = (segmentId: string) =>
  fc.letrec<{ rule: Condition }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leafOf(segmentId),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((all) => condition({ all })),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((any) => condition({ any })),
      tie('rule').map((not) => condition({ not })),
    ),
  })).rule;

test('whatever the rule and the events, its members are those that the slow way finds, made at first and moved later', async () => {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 8);
  const toEvent = ({ who, name, daysAgo, properties }: { who: number; name: string; daysAgo: number; properties: object }): TestEvent => ({
    customerId: customers[who] ?? '', name, at: Date.now() - (daysAgo + 0.5) * DAY, properties,
  });
  await track(workspace, EVENTS.map((name, who) => toEvent({ who, name, daysAgo: 1, properties: {} })));
  for (const [who, note] of ['Gift, 50% off_', 'a gift', null].entries()) await identify(workspace, customers[who] ?? '', { note });
  const fixed = await create(workspace, list('Fixed', customers.slice(0, 3)));
  const right = async (given: Condition) => {
    const { rows } = await house.owner.query<{ id: string }>('select distinct subject_id as id from ingestion.events where workspace_id = $1', [workspace.id]);
    const judged = await Promise.all(rows.map(async ({ id }) => ((await fits(workspace.id, id, given, Date.now())) ? [id] : [])));
    return judged.flat();
  };
  await fc.assert(
    fc.asyncProperty(fc.array(ruleOf(fixed), { minLength: 1, maxLength: 3 }), fc.array(happening, { maxLength: 6 }), fc.array(happening, { minLength: 1, maxLength: 6 }), async (given, before, after) => {
      if (before.length > 0) await track(workspace, before.map(toEvent));
      const made: { readonly segmentId: string; readonly one: Condition }[] = [];
      for (const [at, one] of given.entries()) {
        const previewed = await replica.definitions.previewDefinedSegment({ condition: one }, workspace.call);
        expect(previewed.sampleCustomerIds.toSorted()).toEqual((await right(one)).toSorted());
        made.push({ segmentId: await create(workspace, rule(`Generated ${at}`, one)), one });
      }
      for (const { segmentId } of made) await settled(workspace, segmentId);
      for (const { segmentId, one } of made) await becomes(workspace, segmentId, await right(one));
      await track(workspace, after.map(toEvent));
      for (const { segmentId, one } of made) {
        await becomes(workspace, segmentId, await right(one));
        await replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
        expect(await told(workspace, segmentId)).toHaveLength(2 * (await told(workspace, segmentId)).filter((one) => one.startsWith('+')).length);
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);

test('a customer leaves when the event that carried them grows too old, without any event of their own', async () => {
  const workspace = await house.workspace(access.Clock.DATA);
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  const bought = Date.now() - 10 * DAY;
  await track(workspace, [{ customerId: who, name: 'Order Completed', at: bought }]);
  const segmentId = await create(workspace, rule('Bought within a day', performed('Order Completed', 1, { atLeast: 1 })));
  await settled(workspace, segmentId);
  await becomes(workspace, segmentId, [who]);
  // The workspace's clock is that of its events: now the day is over.
  await track(workspace, [{ customerId: other, name: 'Product Viewed', at: bought + DAY }]);
  await becomes(workspace, segmentId, []);
  expect(await told(workspace, segmentId)).toEqual([`+${who}`, `-${who}`]);
});

test('a rule over another one follows it, and over a learned segment too', async () => {
  const workspace = await house.workspace();
  const [few = '', many = ''] = await house.customers(workspace.id, 2);
  await track(workspace, [few, many].map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const drawn = model();
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  const { segments, population } = await replica.segments.listSegments({ page: { first: 10, after: '' }, kind: serving.SegmentKind.LEARNED, modelId: '', asOf: undefined, level: worker.SegmentLevel.MAIN, brief: false }, workspace.call);
  const home = segments.find(({ size }) => size > 0);
  const inIt = await create(workspace, rule('In it', condition({ memberOf: home?.id ?? '' })));
  const outOfIt = await create(workspace, rule('Out of it', condition({ not: condition({ memberOf: inIt }) })));
  await becomes(workspace, inIt, [few, many]);
  await becomes(workspace, outOfIt, []);
  await track(workspace, [1, 2, 3, 4].map(() => ({ customerId: many, name: 'Order Completed' })));
  await becomes(workspace, outOfIt, [many]);
  await becomes(workspace, inIt, [few]);
  const after = await replica.segments.listSegments({ page: { first: 10, after: '' }, kind: serving.SegmentKind.UNSPECIFIED, modelId: '', asOf: undefined, level: worker.SegmentLevel.MAIN, brief: false }, workspace.call);
  // Who is in a defined segment does not count twice.
  expect(after.population).toBe(population);
  const { customers: [customer] } = await replica.memberships.getCustomerMemberships({ customerIds: [few] }, workspace.call);
  expect(customer?.memberships.map(({ segmentId }) => segmentId)).toEqual([home?.id, inIt]);
});

test('scoring commits while rules are still judged, of whom some have already crossed', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await track(workspace, orders(who, 2));
  const drawn = model();
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  const lower = await create(workspace, rule('Three orders', performed('Order Completed', 30, { atLeast: 3 })));
  const upper = await create(workspace, rule('Of these', condition({ memberOf: lower })));
  await settled(workspace, upper);
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
    expect(await members(workspace, lower)).toEqual([]);
  } finally {
    door.go();
    await holder.query('select pg_advisory_unlock_all()');
    await holder.query('drop function serving.wait_for_test() cascade');
    await holder.end();
  }
  await becomes(workspace, upper, [who]);
  await becomes(workspace, lower, [who]);
});

test('everyone is looked at in pieces, each a transaction of its own; whoever was looked at before a rule is changed is looked at again', async () => {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 5_000);
  await track(workspace, customers.map((customerId, at) => ({ customerId, name: 'Order Completed', properties: { place: at } })));
  // As autovacuum does within a minute: a planner that takes the tables for empty reads the whole workspace for each customer.
  await house.owner.query('analyze ingestion.subject_customers, ingestion.events');
  const bought = performed('Order Completed', 30, { atLeast: 1 });
  const count = async (segmentId: string) => (await house.owner.query<{ members: number }>('select members::int from serving.segment_sizes where workspace_id = $1 and segment_id = $2', [workspace.id, segmentId])).rows[0]?.members ?? 0;
  const everyone = await create(workspace, rule('Everyone', bought));
  await until(() => count(everyone), (seen) => seen === customers.length);
  await settled(workspace, everyone);
  const { rows: [most] } = await house.owner.query<{ told: number }>(
    `select max(told)::int as told from (select count(*) as told from serving.membership_changes where workspace_id = $1 and to_segment_id = $2 group by xid) as one`, [workspace.id, everyone],
  );
  expect(most?.told).toBeLessThanOrEqual(500);
  const some = await create(workspace, rule('Some', bought));
  await until(() => count(some), (seen) => seen > 0);
  const first = performed('Order Completed', 30, { atLeast: 1 }, [{ property: 'place', operator: Operator.AT_MOST, value: '9' }]);
  await replica.definitions.updateDefinedSegment({ segmentId: some, condition: first, customers: undefined }, workspace.call);
  await settled(workspace, some);
  expect(await members(workspace, some)).toEqual(customers.slice(0, 10).sort());
}, 60_000);

test('a list is changed and ended, and each crossing is told', async () => {
  const workspace = await house.workspace();
  const [one = '', two = ''] = await house.customers(workspace.id, 2);
  const segmentId = await create(workspace, list('Testers', [one]));
  expect(await members(workspace, segmentId)).toEqual([one]);
  await replica.definitions.updateDefinedSegment({ segmentId, condition: undefined, customers: { userIds: [`user-${two}`] } }, workspace.call);
  expect(await members(workspace, segmentId)).toEqual([two]);
  await replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
  expect(await members(workspace, segmentId)).toEqual([]);
  expect(await told(workspace, segmentId)).toEqual([`+${one}`, `-${one}`, `+${two}`, `-${two}`]);
});

test('what cannot be a rule is refused with where and why', async () => {
  const workspace = await house.workspace();
  const [who = ''] = await house.customers(workspace.id, 1);
  await track(workspace, [{ customerId: who, name: 'Order Completed' }]);
  const bought = performed('Order Completed', 7, { atLeast: 1 });
  const refusal = (given: Condition) => create(workspace, rule('Refused', given)).then(() => 'made', (error: { reason: string; message: string }) => `${error.reason} ${error.message}`);
  expect(await refusal(condition({}))).toMatch(/^CONDITION_INVALID condition: give exactly one/);
  expect(await refusal(condition({ all: [bought, performed('Order Completed', 0, { atLeast: 1 })] }))).toMatch(/^CONDITION_INVALID condition\.all\[1\]\.performed\.withinDays/);
  expect(await refusal(condition({ any: Array.from({ length: 60 }, () => bought) }))).toMatch(/^CONDITION_TOO_LARGE/);
  expect(await refusal(performed('Order Complete', 7, { atLeast: 1 }))).toMatch(/^EVENT_UNKNOWN condition\.performed\.event: .*"Order Complete"/);
  expect(await refusal(condition({ not: condition({ memberOf: workspace.id }) }))).toMatch(/^SEGMENT_UNKNOWN condition\.not\.memberOf: /);
  const filtered = (operator: definition.PropertyOperator, value: string) => refusal(performed('Order Completed', 7, { atLeast: 1 }, [{ property: 'note', operator, value }]));
  expect(await filtered(Operator.CONTAINS, '5')).toMatch(/^CONDITION_INVALID condition\.performed\.filters\[0\]\.value: only a text .*; give one in quotes/);
  expect(await filtered(Operator.STARTS_WITH, '""')).toMatch(/value: every text has an empty one in it; give some letters/);
  expect(await filtered(Operator.IS_SET, '"x"')).toMatch(/value: what IS_SET asks needs no value; leave it out/);
  expect(await filtered(Operator.EQUALS, '')).toMatch(/value: a value is a text, a number, true or false/);
  expect(await filtered(Operator.IS_ONE_OF, '"x"')).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, '[]')).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, JSON.stringify(Array.from({ length: 101 }, (_, at) => at)))).toMatch(/value: give a list of 1 to 100 values/);
  expect(await filtered(Operator.IS_ONE_OF, '["x", null]')).toMatch(/value\[1\]: a value is/);
  expect(await filtered(Operator.IS_ONE_OF, '["x", 1]')).toMatch(/value: values of a list are of one type; join two conditions by `any`/);
  expect(await create(workspace, list('Nobody', [])).then(() => 'made')).toBe('made');
  await expect(replica.definitions.createDefinedSegment({ ...list('L', []), customers: { userIds: ['ghost', 'phantom'] } }, workspace.call)).rejects.toMatchObject({
    reason: 'CUSTOMER_UNKNOWN', message: expect.stringContaining('"ghost", "phantom"'),
  });
  const first = await create(workspace, rule('First', bought));
  await expect(create(workspace, rule('first', bought))).rejects.toMatchObject({ reason: 'NAME_TAKEN' });
  const second = await create(workspace, rule('Second', condition({ memberOf: first })));
  await expect(replica.definitions.updateDefinedSegment({ segmentId: first, condition: condition({ memberOf: second }), customers: undefined }, workspace.call)).rejects.toMatchObject({ reason: 'CONDITION_CYCLE' });
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
  await track(workspace, [{ customerId: who, name: 'Order Completed' }]);
  const fine = performed('Order Completed', 366, { atLeast: 1 });
  const given = performed('Order Completed', 366, { atLeast: 1 }, [{ property: 'currency', operator: Operator.DIFFERS, value }]);
  const refused = { reason: 'CONDITION_INVALID', message: expect.stringMatching(message) as string };
  const segmentId = await create(workspace, rule('Fine', fine));
  await expect(create(workspace, rule('Refused', given))).rejects.toMatchObject(refused);
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
  await track(workspace, [{ customerId: first, name: 'Order Completed' }]);
  const spoilt = await create(workspace, rule('Spoilt', performed('Order Completed', 30, { atLeast: 1 }, [{ property: 'revenue', operator: Operator.DIFFERS, value: '7' }])));
  const other = await create(workspace, rule('Other', performed('Order Completed', 30, { atLeast: 1 })));
  await becomes(workspace, spoilt, [first]);
  expect(await spoil(workspace, spoilt, from, to)).toBe(1);
  await track(workspace, [{ customerId: second, name: 'Order Completed' }]);
  await becomes(workspace, other, [first, second]);
  const added = await create(workspace, rule('Added', performed('Order Completed', 60, { atLeast: 1 })));
  await settled(workspace, added);
  expect(await members(workspace, added)).toEqual([first, second].sort());
  expect(await definitionOf(workspace, spoilt)).toMatchObject({ condition, failure: expect.stringMatching(failure) as string, progress: 0 });
  expect(await definitionOf(workspace, other)).toMatchObject({ failure: '', progress: 1 });
  expect(await members(workspace, spoilt)).toEqual([first]);
  expect(await spoil(workspace, spoilt, to, from)).toBe(1);
  await house.owner.query(`update serving.segment_definitions set retry_at = now() where workspace_id = $1 and segment_id = $2`, [workspace.id, spoilt]);
  await becomes(workspace, spoilt, [first, second]);
  expect(await settled(workspace, spoilt)).toMatchObject({ definition: { failure: '' } });
});

test('a workspace whose rules cannot be followed at all keeps no other one waiting', async () => {
  const [stuck, sound] = [await house.workspace(), await house.workspace()];
  const ordered = rule('Ordered', performed('Order Completed', 30, { atLeast: 1 }));
  const made: string[] = [];
  for (const workspace of [stuck, sound]) {
    const [who = ''] = await house.customers(workspace.id, 1);
    await track(workspace, [{ customerId: who, name: 'Order Completed' }]);
    const segmentId = await create(workspace, ordered);
    await settled(workspace, segmentId);
    made.push(segmentId);
  }
  await house.owner.query(`update serving.definition_positions set newest_event_at = 'infinity' where workspace_id = $1`, [stuck.id]);
  const [late = ''] = await house.customers(sound.id, 1);
  await track(sound, [{ customerId: late, name: 'Order Completed' }]);
  await until(() => members(sound, made[1] ?? ''), (seen) => seen.includes(late));
});

/** As identify does: what is told, and an event of it. */
async function identify({ id }: TestWorkspace, customerId: string, attributes: object): Promise<void> {
  await house.owner.query(
    `insert into ingestion.subject_attributes (workspace_id, subject_id, name, value, occurred_at)
     select $1, $2, key, value, now() from jsonb_each($3::jsonb)
     on conflict (workspace_id, subject_id, name) do update set value = excluded.value, occurred_at = excluded.occurred_at`,
    [id, customerId, JSON.stringify(attributes)],
  );
  await house.track(id, [{ customerId, type: 'identify', name: '' }]);
}

test('a rule names attributes: who is told to have one comes, with or without behaviour, and goes when it changes', async () => {
  const workspace = await house.workspace();
  const [gold = '', free = '', silent = '', rich = ''] = await house.customers(workspace.id, 4);
  await track(workspace, [gold, free, rich].map((customerId) => ({ customerId, name: 'Order Completed' })));
  await identify(workspace, gold, { plan: 'gold', seats: 3 });
  await identify(workspace, free, { plan: 'free' });
  const attribute = (property: string, operator: definition.PropertyOperator, value: unknown) => condition({ attribute: { property, operator, value: JSON.stringify(value) } });
  const isGold = await create(workspace, rule('Gold', attribute('plan', Operator.EQUALS, 'gold')));
  const notFree = await create(workspace, rule('Not free', condition({ all: [performed('Order Completed', 30, { atLeast: 1 }), attribute('plan', Operator.DIFFERS, 'free')] })));
  const many = await create(workspace, rule('Many seats', attribute('seats', Operator.AT_LEAST, 10)));
  await becomes(workspace, isGold, [gold]);
  await becomes(workspace, notFree, [gold, rich]);
  await identify(workspace, silent, { plan: 'gold' });
  await identify(workspace, rich, { seats: 10 });
  await becomes(workspace, isGold, [gold, silent]);
  await becomes(workspace, many, [rich]);
  await identify(workspace, gold, { plan: 'free' });
  await becomes(workspace, isGold, [silent]);
  await becomes(workspace, notFree, [rich]);
  expect((await replica.definitions.previewDefinedSegment({ condition: attribute('plan', Operator.EQUALS, 'free') }, workspace.call)).size).toBe(2);
  await expect(create(workspace, rule('Nameless', attribute('', Operator.EQUALS, 1)))).rejects.toMatchObject({ reason: 'CONDITION_INVALID', metadata: { path: 'condition.attribute.property' } });
});

test('a preview tells of names that nobody has, where they are, and what may have been meant; what is rare is no misspelling', async () => {
  const workspace = await house.workspace();
  const [who = '', other = ''] = await house.customers(workspace.id, 2);
  await track(workspace, [
    // Beyond the events of which some are looked at first.
    ...Array.from({ length: 1_200 }, () => ({ customerId: who, name: 'Order Completed', properties: { revenue: 5, size: '42' } })),
    { customerId: other, name: 'Order Completed', properties: { revenue: 5, giftNote: 'hello' } },
    { customerId: other, name: 'Product Viewed', at: Date.now() - 20 * DAY, properties: { sku: 'a' } },
  ]);
  await identify(workspace, who, { plan: 'gold', age: '40' });
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
  expect(await create(workspace, rule('Yet to come', given))).not.toBe('');
});
