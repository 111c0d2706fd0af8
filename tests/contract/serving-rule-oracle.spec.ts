import fc from 'fast-check';

import { definition } from '#libs/contracts';

import { type Condition, condition, DAY, Defining, list, performed, rule } from './defining.js';
import { fits } from './rule.oracle.js';
import { ServingHouse, type ServingReplica, type TestEvent } from './serving-house.js';

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

const EVENTS = ['Order Completed', 'Product Viewed', 'Cart Opened'];
const NOTES = ['Gift, 50% off_', 'a gift', 'GIFT', '', null, 50, ['Gift']];
const property = fc.constantFrom<object>({ price: 5 }, { price: 50 }, { price: '50' }, { price: null }, { price: 0.1 }, { price: 0.7 }, { price: -5 }, { coupon: true }, {}, ...NOTES.map((note) => ({ note })));
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
const days = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) }, { weight: 1, arbitrary: fc.constant('ever' as const) });
const leafOf = (segmentId: string) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...EVENTS), days, fc.nat(2), fc.nat(2), fc.constantFrom('least', 'most', 'both'), fc.array(filter, { maxLength: 2 })).map(
      ([event, within, least, more, which, filters]) =>
        performed(event, within, { ...(which === 'most' ? {} : { atLeast: least }), ...(which === 'least' ? {} : { atMost: least + more }) }, filters),
    ) },
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...EVENTS), days, fc.constantFrom(0, 0.8, 1.5, 5, 50.1), fc.constantFrom('least', 'most', 'both'), fc.array(filter, { maxLength: 1 }), fc.option(fc.nat(2), { nil: undefined })).map(
      ([event, within, much, which, filters, times]) =>
        performed(event, within, times === undefined ? {} : { atLeast: times }, filters, {
          property: 'price', ...(which === 'most' ? {} : { atLeast: much }), ...(which === 'least' ? {} : { atMost: much + 5 }),
        }),
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
  await defining.track(workspace, EVENTS.map((name, who) => toEvent({ who, name, daysAgo: 1, properties: {} })));
  for (const [who, note] of ['Gift, 50% off_', 'a gift', null].entries()) await defining.identify(workspace, customers[who] ?? '', { note });
  const fixed = await defining.create(workspace, list('Fixed', customers.slice(0, 3)));
  const right = async (given: Condition) => {
    const { rows } = await house.owner.query<{ id: string }>('select distinct subject_id as id from ingestion.events where workspace_id = $1', [workspace.id]);
    const judged = await Promise.all(rows.map(async ({ id }) => ((await fits(house.owner, workspace.id, id, given, Date.now())) ? [id] : [])));
    return judged.flat();
  };
  await fc.assert(
    fc.asyncProperty(fc.array(ruleOf(fixed), { minLength: 1, maxLength: 3 }), fc.array(happening, { maxLength: 6 }), fc.array(happening, { minLength: 1, maxLength: 6 }), async (given, before, after) => {
      if (before.length > 0) await defining.track(workspace, before.map(toEvent));
      const made: { readonly segmentId: string; readonly one: Condition }[] = [];
      for (const [at, one] of given.entries()) {
        const previewed = await replica.definitions.previewDefinedSegment({ condition: one }, workspace.call);
        expect(previewed.sampleCustomerIds.toSorted()).toEqual((await right(one)).toSorted());
        made.push({ segmentId: await defining.create(workspace, rule(`Generated ${at}`, one)), one });
      }
      for (const { segmentId } of made) await defining.settled(workspace, segmentId);
      for (const { segmentId, one } of made) await defining.becomes(workspace, segmentId, await right(one));
      await defining.track(workspace, after.map(toEvent));
      for (const { segmentId, one } of made) {
        await defining.becomes(workspace, segmentId, await right(one));
        await replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
        expect(await defining.told(workspace, segmentId)).toHaveLength(2 * (await defining.told(workspace, segmentId)).filter((one) => one.startsWith('+')).length);
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
