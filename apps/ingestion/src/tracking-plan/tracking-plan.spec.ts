import { ingestion, trackingPlan } from '#libs/contracts';

import { type IngestionUnderTest, OTHER_WRITE_KEY, startIngestion, WORKSPACE, WRITE_KEY } from '../testing/ingestion-under-test.js';

const { OBSERVE, ENFORCE } = trackingPlan.PlanMode;
const { STORED, REJECTED } = ingestion.EventOutcome;

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

const SCHEMA = { type: 'object', required: ['revenue'], properties: { revenue: { type: 'number' }, coupon: { type: 'string' } } };
const declare = async (event: string, schema: object | '', mode = OBSERVE) => {
  const { plan } = await kindred.plans.setTrackingPlanEvent({ event, schema: schema === '' ? '' : JSON.stringify(schema), mode }, call);
  if (!plan) throw new Error('no plan');
  return plan;
};
const track = (messageId: string, event: string, properties: object) => ({ type: 'track', event, userId: 'u', messageId, properties });
const send = async (events: object[]) => (await kindred.events.trackEvents({ events: events.map((event) => Buffer.from(JSON.stringify(event))), sentAt: undefined }, call)).results;
const post = (batch: object[], key = WRITE_KEY) =>
  fetch(`${kindred.intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: JSON.stringify({ batch }) });
const violations = async (event: string) => (await kindred.plans.listTrackingPlanViolations({ event, from: undefined, first: 0 }, call)).violations;

test('a workspace that declared nothing has version 0', async () => {
  expect((await kindred.plans.getTrackingPlan({}, call)).plan).toEqual({ version: 0, events: [] });
});

test('what is observed is stored, and shown by event, property, rule and source', async () => {
  expect(await declare('Order', SCHEMA)).toMatchObject({ version: 1, events: [{ event: 'Order', mode: OBSERVE, sinceVersion: 1, setBy: 'key:test' }] });
  const results = await send([track('o1', 'Order', { revenue: '5', coupon: 1 }), track('o2', 'Order', {}), track('o3', 'Order', { revenue: 5 }), track('o4', 'Other', {})]);
  expect(results.map(({ outcome }) => outcome)).toEqual([STORED, STORED, STORED, STORED]);
  await post([track('o5', 'Order', { revenue: false })]);
  const found = (await violations('Order')).map(({ property, rule, source, count, refused, exampleMessageId }) => ({ property, rule, source, count, refused, exampleMessageId }));
  expect(found).toEqual([
    { property: 'coupon', rule: 'type', source: 'graphql', count: 1, refused: 0, exampleMessageId: 'o1' },
    { property: 'revenue', rule: 'required', source: 'graphql', count: 1, refused: 0, exampleMessageId: 'o2' },
    { property: 'revenue', rule: 'type', source: 'graphql', count: 1, refused: 0, exampleMessageId: 'o1' },
    { property: 'revenue', rule: 'type', source: 'http', count: 1, refused: 0, exampleMessageId: 'o5' },
  ]);
});

test('an event that came again is not counted again', async () => {
  await send([track('o1', 'Order', { revenue: '5', coupon: 1 })]);
  expect((await violations('Order')).every(({ count }) => count === 1)).toBe(true);
});

test('what is enforced is refused with property and rule, whole, and its neighbours are stored', async () => {
  expect(await declare('Order', '', ENFORCE)).toMatchObject({ version: 2, events: [{ mode: ENFORCE, schema: expect.stringContaining('revenue') as string }] });
  const [refused, taken] = await send([track('e1', 'Order', { revenue: 'five' }), track('e2', 'Order', { revenue: 5 })]);
  expect(refused).toMatchObject({ outcome: REJECTED, reason: 'PLAN_VIOLATION', detail: expect.stringContaining('"revenue" must be number (type)') as string });
  expect(taken?.outcome).toBe(STORED);
  expect((await violations('Order')).find(({ property, rule, source }) => property === 'revenue' && rule === 'type' && source === 'graphql')).toMatchObject({ count: 2, refused: 1, exampleMessageId: 'e1' });
  const kept = await kindred.sql.query("SELECT payload FROM ingestion.rejected_events WHERE message_id = 'e1'");
  expect(JSON.parse(kept.rows[0].payload.toString())).toEqual(track('e1', 'Order', { revenue: 'five' }));
});

test('a schema that is changed stays enforced', async () => {
  const { events } = await declare('Order', { ...SCHEMA, title: 'Order' }, trackingPlan.PlanMode.UNSPECIFIED);
  expect(events[0]).toMatchObject({ mode: ENFORCE, sinceVersion: 3 });
});

test('a page and a screen are declared by the names they are kept under', async () => {
  await declare('Page Viewed', { required: ['url'] }, ENFORCE);
  const [refused, taken] = await send([{ type: 'page', userId: 'u', name: 'Home' }, { type: 'page', userId: 'u', name: 'Home', properties: { url: '/' } }]);
  expect([refused?.reason, taken?.outcome]).toEqual(['PLAN_VIOLATION', STORED]);
});

test('one workspace’s plan binds no other', async () => {
  await post([track('other', 'Order', { revenue: 'x' })], OTHER_WRITE_KEY);
  expect((await kindred.sql.query("SELECT count(*) FROM ingestion.events WHERE message_id = 'other'")).rows[0].count).toBe('1');
});

test('a version that another replica made is followed within five seconds', async () => {
  await kindred.sql.query(`UPDATE ingestion.tracking_plans SET ended_version = 100 WHERE workspace_id = $1 AND event_name = 'Order' AND ended_version IS NULL`, [WORKSPACE]);
  await kindred.sql.query('UPDATE ingestion.tracking_plan_versions SET version = 100 WHERE workspace_id = $1', [WORKSPACE]);
  const began = Date.now();
  let outcome: ingestion.EventOutcome | undefined;
  for (let at = 0; outcome !== STORED && Date.now() - began < 5_000; at++) outcome = (await send([track(`follow ${at}`, 'Order', { revenue: 'x' })]))[0]?.outcome;
  expect(outcome).toBe(STORED);
});

test('the same declaration again makes no version; taking out makes one, and old versions are kept', async () => {
  const declared = await declare('Cart', SCHEMA);
  expect((await declare('Cart', { properties: SCHEMA.properties, required: ['revenue'], type: 'object' })).version).toBe(declared.version);
  const { plan } = await kindred.plans.removeTrackingPlanEvent({ event: 'Cart' }, call);
  expect(plan?.version).toBe(declared.version + 1);
  expect(plan?.events.some(({ event }) => event === 'Cart')).toBe(false);
  const { rows } = await kindred.sql.query("SELECT version, ended_version FROM ingestion.tracking_plans WHERE event_name = 'Cart'");
  expect(rows).toEqual([{ version: declared.version, ended_version: declared.version + 1 }]);
  await expect(kindred.plans.removeTrackingPlanEvent({ event: 'Cart' }, call)).rejects.toMatchObject({ reason: 'PLAN_EVENT_UNKNOWN' });
  await expect(declare('Cart', '')).rejects.toMatchObject({ reason: 'PLAN_EVENT_UNKNOWN' });
});

test('changes at once each make a version, and none is lost', async () => {
  const before = (await kindred.plans.getTrackingPlan({}, call)).plan?.version ?? 0;
  await Promise.all(['a', 'b', 'c'].map((name) => declare(`At once ${name}`, {})));
  const { plan } = await kindred.plans.getTrackingPlan({}, call);
  expect(plan?.version).toBe(before + 3);
  expect(plan?.events.filter(({ event }) => event.startsWith('At once'))).toHaveLength(3);
});

test('a schema that cannot be used is refused with its place, and nothing changes', async () => {
  const { plan: before } = await kindred.plans.getTrackingPlan({}, call);
  await expect(declare('Bad', { properties: { a: { $ref: 'https://example.org' } } })).rejects.toMatchObject({ reason: 'SCHEMA_INVALID', metadata: { path: '/properties/a/$ref' } });
  await expect(declare('Bad', { const: 'a\0' })).rejects.toMatchObject({ reason: 'SCHEMA_INVALID' });
  await expect(kindred.plans.setTrackingPlanEvent({ event: 'Bad', schema: '{', mode: OBSERVE }, call)).rejects.toMatchObject({ reason: 'SCHEMA_INVALID' });
  expect((await kindred.plans.getTrackingPlan({}, call)).plan).toEqual(before);
});

test('ways without number are counted in a bounded number of rows', async () => {
  await declare('Wild', { additionalProperties: false });
  for (let round = 0; round < 8; round++) {
    const events = Array.from({ length: 20 }, (_, at) => track(`w${round}-${at}`, 'Wild', Object.fromEntries(Array.from({ length: 20 }, (__, key) => [`k${round}-${at}-${key}`, 1]))));
    await send(events);
  }
  const { rows } = await kindred.sql.query("SELECT count(*) AS rows, sum(count) FILTER (WHERE property = '…') AS rest FROM ingestion.tracking_plan_violations WHERE event_name = 'Wild'");
  expect(Number(rows[0].rows)).toBeLessThanOrEqual(202);
  expect(Number(rows[0].rest)).toBeGreaterThanOrEqual(140);
});
