import { trackingPlan } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

const PLAN: trackingPlan.TrackingPlan = {
  version: 3,
  events: [{ event: 'Order', schema: '{"required":["revenue"]}', mode: trackingPlan.PlanMode.ENFORCE, sinceVersion: 2, setAt: AT, setBy: 'key:a' }],
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const data = async (query: string, variables?: Record<string, unknown>) => {
  const { body } = await gateway.ask(query, variables);
  expect(body.errors).toBeUndefined();
  return body.data;
};
const SET = `mutation($input: SetTrackingPlanEventInput!) { setTrackingPlanEvent(input: $input) {
  __typename ... on TrackingPlan { version events { event schema mode sinceVersion setAt setBy } } ... on SchemaInvalid { code path message } ... on Failure { code } } }`;

test('what is declared is read and set as JSON; a mode that is left out stays', async () => {
  gateway.services.replace('setTrackingPlanEvent', () => ({ plan: PLAN }));
  const { setTrackingPlanEvent } = await data(SET, { input: { event: 'Order', schema: { required: ['revenue'] } } });
  expect(setTrackingPlanEvent).toEqual({
    __typename: 'TrackingPlan', version: 3,
    events: [{ event: 'Order', schema: { required: ['revenue'] }, mode: 'ENFORCE', sinceVersion: 2, setAt: AT, setBy: 'key:a' }],
  });
  expect(gateway.services.calls.find(({ method }) => method === 'setTrackingPlanEvent')?.request).toEqual({ event: 'Order', schema: '{"required":["revenue"]}', mode: trackingPlan.PlanMode.UNSPECIFIED });
  expect(gateway.services.audit).toMatchObject([{ action: 'setTrackingPlanEvent', outcome: 'OK' }]);
});

test.each([
  [RpcError.invalid('Not there.', { reason: 'SCHEMA_INVALID', metadata: { path: '/a' } }), { __typename: 'SchemaInvalid', code: 'SCHEMA_INVALID', path: '/a', message: 'Not there.' }],
  [RpcError.precondition('Full.', { reason: 'PLAN_FULL' }), { __typename: 'PlanFull', code: 'PLAN_FULL' }],
  [RpcError.notFound('None.', { reason: 'PLAN_EVENT_UNKNOWN' }), { __typename: 'NotFound', code: 'PLAN_EVENT_UNKNOWN' }],
])('what is wrong with a declaration is a typed result: %s', async (error, answer) => {
  gateway.services.replace('setTrackingPlanEvent', () => {
    throw error;
  });
  expect((await data(SET, { input: { event: 'Order', mode: 'OBSERVE' } })).setTrackingPlanEvent).toEqual(answer);
});

test('violations are shown by event, property and source', async () => {
  const violation = { event: 'Order', property: 'products[].price', rule: 'type', source: 'http', count: 7, refused: 0, firstHour: AT, lastHour: AT, exampleMessageId: '' };
  gateway.services.replace('listTrackingPlanViolations', () => ({ violations: [violation], totalCount: 1 }));
  const { trackingPlanViolations } = await data('{ trackingPlanViolations(event: "Order", first: 5) { totalCount nodes { event property rule source count refused firstHour lastHour exampleMessageId } } }');
  expect(trackingPlanViolations).toEqual({ totalCount: 1, nodes: [{ ...violation, exampleMessageId: null }] });
});

test('only an admin changes the plan', async () => {
  for (const field of ['setTrackingPlanEvent(input: { event: "a" })', 'removeTrackingPlanEvent(event: "a")']) {
    const { body } = await gateway.ask(`mutation { ${field} { __typename } }`, {}, KEYS.editor);
    expect(body.errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  }
});
