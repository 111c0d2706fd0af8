import { type region, serving } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const preview: region.PreviewExampleSegmentResponse = {
  threshold: 0.4, size: 12, population: 30, isExact: true, sizes: [{ threshold: 0.5, size: 8 }], typicalCustomerIds: [id('customer', 1)], borderCustomerIds: [],
  examples: 5, heldOut: 0.8, rule: undefined, asOf: AT, modelId: id('model', 1),
};
const asked = (method: string) => gateway.services.calls.find((call) => call.method === method)?.request;

test('an area of the map is previewed, and its segment told, by own ids', async () => {
  gateway.services.replace('previewExampleSegment', () => preview);
  gateway.services.replace('getExampleSegment', () => ({ threshold: 0.4, examples: 5, progress: 0.5, modelId: '', changedAt: AT }));
  const lasso = [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 1, y: 1 }];
  const { body } = await gateway.ask(`query($lasso: [MapPlaceInput!], $id: ID!) {
    previewExampleSegment(examples: { lasso: $lasso }) { size sizes { threshold size } typical { userId } heldOut rule { text } model { version } }
    exampleSegment(segmentId: $id) { progress model { version } preview(threshold: 0.6) { size } }
  }`, { lasso, id: globalId('Segment', id('segment', 1)) });
  expect(body).toEqual({ data: {
    previewExampleSegment: { size: 12, sizes: [{ threshold: 0.5, size: 8 }], typical: [{ userId: 'user-1' }], heldOut: 0.8, rule: null, model: { version: 1 } },
    exampleSegment: { progress: 0.5, model: null, preview: { size: 12 } },
  } });
  expect(asked('getExampleSegment')).toEqual({ segmentId: id('segment', 1) });
  expect(gateway.services.calls.filter(({ method }) => method === 'previewExampleSegment').map(({ request }) => request)).toEqual([
    { examples: { userIds: [], lasso }, segmentId: '', threshold: undefined, withRule: false },
    { examples: undefined, segmentId: id('segment', 1), threshold: 0.6, withRule: false },
  ]);
});

test('how close somebody is to a segment by example is told, of no other segment, with examples that are there', async () => {
  gateway.services.replace('findCloseness', () => ({
    closeness: 0.5, threshold: 0.4, leavesBelow: 0.34, examples: [{ customerId: id('customer', 999), similarity: 0.95 }, { customerId: id('customer', 2), similarity: 0.9 }],
  }));
  const ask = async () => {
    const { body } = await gateway.ask('{ customer(userId: "user-1") { memberships { why { closeness { closeness threshold leavesBelow examples { similarity customer { userId } } } } } } }');
    return (body.data.customer.memberships as { why: { closeness: unknown } }[])[0]?.why.closeness;
  };
  expect(await ask()).toBeNull();
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({ segments: ids.map((segmentId) => ({ ...segmentOf(segmentId), kind: serving.SegmentKind.EXAMPLE })) }));
  expect(await ask()).toEqual({ closeness: 0.5, threshold: 0.4, leavesBelow: 0.34, examples: [{ similarity: 0.9, customer: { userId: 'user-2' } }] });
});

test('one is made, its threshold moved, and what cannot be is told with its reason', async () => {
  gateway.services.replace('createExampleSegment', () => ({ segmentId: id('segment', 1) }));
  const create = `mutation { createExampleSegment(input: { name: "Like five", examples: { userIds: ["a", "b", "c"] } }) {
    __typename ... on Segment { name } ... on SegmentInvalid { code message } } }`;
  expect((await gateway.ask(create)).body.data.createExampleSegment).toEqual({ __typename: 'Segment', name: 'Segment 1' });
  gateway.services.replace('createExampleSegment', () => {
    throw RpcError.invalid('A region needs at least 3 customers.', { reason: 'EXAMPLES_INVALID' });
  });
  expect((await gateway.ask(create)).body.data.createExampleSegment).toMatchObject({ __typename: 'SegmentInvalid', code: 'EXAMPLES_INVALID' });
  gateway.services.replace('moveThreshold', () => ({}));
  const moved = await gateway.ask('mutation($id: ID!) { moveThreshold(segmentId: $id, threshold: 0.6) { __typename } }', { id: globalId('Segment', id('segment', 1)) });
  expect(moved.body.data.moveThreshold).toEqual({ __typename: 'Segment' });
});
