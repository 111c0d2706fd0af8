import { definition, serving } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id, KEYS, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const CREATE = `mutation($input: CreateSegmentInput!) { createSegment(input: $input) { __typename ... on Segment { name } ... on SegmentInvalid { code message } } }`;
const condition = {
  all: [
    { performed: { event: 'Order Completed', atLeast: 2, withinDays: 30, filters: [{ property: 'currency', operator: 'EQUALS', value: 'EUR' }] } },
    { performed: { event: 'Order Completed', filters: [], sum: { property: 'revenue', atLeast: 499.5 } } },
    { not: { memberOf: globalId('Segment', id('segment', 2)) } },
    { attribute: { property: 'plan', operator: 'DIFFERS', value: 'free' } },
    { attribute: { property: 'email', operator: 'IS_SET' } },
    { attribute: { property: 'country', operator: 'IS_ONE_OF', value: ['DE', 'FR'] } },
  ],
};

test('a rule reaches serving with own ids and values as JSON, and is told as it was given', async () => {
  gateway.services.replace('createDefinedSegment', () => ({ definition: { segmentId: id('segment', 1), progress: 0, changedAt: AT } }));
  const made = await gateway.ask(CREATE, { input: { name: 'Loyal', condition } });
  expect(made.body).toEqual({ data: { createSegment: { __typename: 'Segment', name: 'Segment 1' } } });
  const request = gateway.services.calls.find(({ method }) => method === 'createDefinedSegment')?.request as definition.CreateDefinedSegmentRequest;
  expect(request.condition?.all[0]?.performed).toMatchObject({ atLeast: 2, filters: [{ operator: definition.PropertyOperator.EQUALS, value: '"EUR"' }] });
  expect(request.condition?.all[1]?.performed).toMatchObject({ withinDays: 0, ever: true, sum: { property: 'revenue', atLeast: 499.5 } });
  expect(request.condition?.all[0]?.performed?.ever).toBe(false);
  expect(request.condition?.all[2]?.not?.memberOf).toBe(id('segment', 2));
  expect(request.condition?.all[3]?.attribute).toEqual({ property: 'plan', operator: definition.PropertyOperator.DIFFERS, value: '"free"' });

  expect(request.condition?.all.slice(4).map(({ attribute }) => attribute?.value)).toEqual(['', '["DE","FR"]']);

  gateway.services.replace('getSegmentDefinition', () => ({ definition: { segmentId: id('segment', 1), condition: request.condition, progress: 0.5, failure: 'unsupported Unicode escape sequence', changedAt: AT } }));
  const read = await gateway.ask(`query($id: ID!) { segmentDefinition(segmentId: $id) { condition progress failure } }`, { id: globalId('Segment', id('segment', 1)) });
  expect(read.body.data.segmentDefinition).toEqual({ condition, progress: 0.5, failure: 'unsupported Unicode escape sequence' });
});

test('a rule that is made tells what it names and nobody has where an editor asks for that, and serving is asked for no list', async () => {
  const notice = { code: 'PROPERTY_UNKNOWN', path: 'condition.performed.filters[0].property', message: 'no "Order" has it.', name: 'revenu', nearest: '' };
  const held = { segmentId: id('segment', 1), progress: 1, failure: '', changedAt: AT };
  const performed = definition.CustomerCondition.fromPartial({ performed: { event: 'Order', atLeast: 1 } });
  gateway.services.replace('getSegmentDefinition', () => ({ definition: { ...held, condition: performed } }));
  gateway.services.replace('getRuleNotices', () => ({ notices: [notice] }));
  const ask = (key?: string) => gateway.ask('query($id: ID!) { segmentDefinition(segmentId: $id) { notices { name nearest } } }', { id: globalId('Segment', id('segment', 1)) }, key);
  expect((await ask(KEYS.editor)).body.data.segmentDefinition).toEqual({ notices: [{ name: 'revenu', nearest: null }] });
  expect((await ask(KEYS.viewer)).status).toBe(403);
  gateway.services.replace('getSegmentDefinition', () => ({ definition: { ...held, condition: undefined } }));
  gateway.services.calls.length = 0;
  expect((await ask(KEYS.editor)).body.data.segmentDefinition).toEqual({ notices: [] });
  expect(gateway.services.calls.some(({ method }) => method === 'getRuleNotices')).toBe(false);
});

test('why somebody is in a segment by a rule is told condition by condition, of no other segment', async () => {
  const plan = definition.CustomerCondition.fromPartial({ attribute: { property: 'plan', operator: definition.PropertyOperator.EQUALS, value: '"gold"' } });
  const often = definition.CustomerCondition.fromPartial({ performed: { event: 'Order', atLeast: 2, withinDays: 30 } });
  gateway.services.replace('findConditions', () => ({ findings: [
    { path: 'condition.all[0]', condition: plan, isMet: true, value: '"gold"', asOf: AT },
    { path: 'condition.all[1]', condition: often, isMet: true, times: 3, countsUntil: AT, value: '', asOf: AT },
  ] }));
  const ask = () => gateway.ask(`{ customer(userId: "user-1") { memberships { why { conditions { path condition isMet times sum countsUntil value asOf } } } } }`);
  const found = async () => ((await ask()).body.data.customer.memberships as { why: { conditions: unknown } }[])[0]?.why.conditions;
  expect(await found()).toBeNull();
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({ segments: ids.map((segmentId) => ({ ...segmentOf(segmentId), kind: serving.SegmentKind.RULE })) }));
  const nothing = { times: null, sum: null, countsUntil: null, value: null, isMet: true, asOf: AT };
  expect(await found()).toEqual([
    { ...nothing, path: 'condition.all[0]', condition: { attribute: { property: 'plan', operator: 'EQUALS', value: 'gold' } }, value: 'gold' },
    { ...nothing, path: 'condition.all[1]', condition: { performed: { event: 'Order', atLeast: 2, withinDays: 30, filters: [] } }, times: 3, countsUntil: AT },
  ]);
});

test('what serving refuses is told with its reason', async () => {
  gateway.services.replace('createDefinedSegment', () => {
    throw RpcError.invalid('No event is called "Ordr".', { reason: 'EVENT_UNKNOWN' });
  });
  const { body } = await gateway.ask(CREATE, { input: { name: 'Loyal', condition } });
  expect(body.data.createSegment).toEqual({ __typename: 'SegmentInvalid', code: 'EVENT_UNKNOWN', message: 'No event is called "Ordr".' });
  const { body: other } = await gateway.ask(CREATE, { input: { name: 'Loyal', condition: { memberOf: 'xx' } } });
  expect(other.data.createSegment).toEqual({ __typename: 'SegmentInvalid', code: 'SEGMENT_UNKNOWN', message: 'memberOf: xx is the id of no segment.' });
});

test('a preview tells what a rule names and nobody has', async () => {
  const notice = { code: 'PROPERTY_UNKNOWN', path: 'condition.performed.filters[0].property', message: 'no "Order" has it.', name: 'revenu' };
  gateway.services.replace('previewDefinedSegment', () => ({ size: 0, population: 5, asOf: AT, sampleCustomerIds: [], notices: [{ ...notice, nearest: 'revenue' }, { ...notice, nearest: '' }] }));
  const { body } = await gateway.ask('query($condition: CustomerConditionInput!) { previewSegment(condition: $condition) { size notices { code path message name nearest } } }', { condition });
  expect(body.data.previewSegment).toEqual({ size: 0, notices: [{ ...notice, nearest: 'revenue' }, { ...notice, nearest: null }] });
});
