import { counting, serving } from '#libs/contracts';

import { AT, id, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

const BASIS = '{ asOf model { version } customers placed unlikeAnythingSeen notYetRead newestEventAt eventsBehind secondsBehind }';
const BY_MODEL = { asOf: AT, model: { version: 1 }, customers: 43, placed: 38, unlikeAnythingSeen: 2, notYetRead: 3, newestEventAt: AT, eventsBehind: 5, secondsBehind: 1.5 };

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
const reaches = () => gateway.services.calls.filter(({ method }) => method === 'getCountReach').map(({ request }) => request);

test('each count says what it is of, and however many there are, one call tells how far behind they are', async () => {
  const answer = await data(
    `query($id: ID!) { segments { population basis ${BASIS} nodes { size basis ${BASIS} members { totalCount basis ${BASIS} } } }
      customerMap(sample: 1) { basis ${BASIS} } customers(segmentId: $id) { totalCount basis ${BASIS} } }`,
    { id: globalId('Segment', id('segment', 1)) },
  );
  expect(answer.segments.basis).toEqual(BY_MODEL);
  expect(answer.segments.nodes).toHaveLength(4);
  for (const { basis, members } of answer.segments.nodes) expect([basis, members.basis]).toEqual([BY_MODEL, BY_MODEL]);
  expect([answer.customerMap.basis, answer.customers.basis]).toEqual([BY_MODEL, BY_MODEL]);
  expect(reaches()).toEqual([{ follower: counting.CountFollower.MODEL, modelId: id('model', 1) }]);
});

test('what is told with a count costs no call beside it', async () => {
  const known = '{ asOf placed unlikeAnythingSeen newestEventAt }';
  const { segments } = await data(`{ segments { asOf population totalCount basis ${known} nodes { size share asOf basis ${known} } } }`);
  expect(segments.nodes[0].basis).toEqual({ asOf: AT, placed: 38, unlikeAnythingSeen: 2, newestEventAt: AT });
  expect(reaches()).toEqual([]);
});

test('no model counts who meets a rule or is on a list, and nothing is behind where what is stored is counted', async () => {
  const kinds = [serving.SegmentKind.RULE, serving.SegmentKind.STATIC, serving.SegmentKind.EXAMPLE];
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({
    segments: ids.map((one) => ({ ...segmentOf(one), modelId: '', kind: kinds[Number(one.slice(-1)) - 1] })),
    basis: { asOf: AT, modelId: id('model', 1), placed: 38, unseen: 2, newestEventAt: AT },
  }));
  gateway.services.replace('getCountReach', ({ follower }: counting.GetCountReachRequest) => ({
    basis: { asOf: AT, modelId: '', placed: 0, unseen: 0, newestEventAt: follower === counting.CountFollower.RULES ? AT : undefined },
    customers: 43, ...(follower === counting.CountFollower.NOBODY ? {} : { eventsBehind: 7, secondsBehind: 2 }),
  }));
  const segment = (number: number) => `segment(id: "${globalId('Segment', id('segment', number))}") { basis ${BASIS} }`;
  const answer = await data(`{ rule: ${segment(1)} list: ${segment(2)} example: ${segment(3)} customers { totalCount basis ${BASIS} } }`);
  const byNoModel = { asOf: AT, model: null, customers: 43, placed: null, unlikeAnythingSeen: null, notYetRead: null, newestEventAt: null, eventsBehind: null, secondsBehind: null };
  expect(answer.rule.basis).toEqual({ ...byNoModel, newestEventAt: AT, eventsBehind: 7, secondsBehind: 2 });
  expect(answer.list.basis).toEqual(byNoModel);
  expect(answer.example.basis).toMatchObject({ model: { version: 1 }, placed: 38, unlikeAnythingSeen: 2, eventsBehind: 7 });
  expect(answer.customers.basis).toEqual({ ...byNoModel, asOf: expect.any(String) });
});

test('as of an earlier time a count says whom it was over, and leaves out what is not kept', async () => {
  const { segments } = await data(`{ segments(asOf: "2026-01-01T00:00:00Z") { basis ${BASIS} nodes { basis ${BASIS} } } }`);
  const then = { ...BY_MODEL, customers: null, notYetRead: null, eventsBehind: null, secondsBehind: null };
  expect([segments.basis, segments.nodes[0].basis]).toEqual([then, then]);
  expect(reaches()).toEqual([]);
});

test('counts of what is stored say when they were counted: not before they were asked for, and not after the answer', async () => {
  const before = Date.now();
  const answer = await data(`{ customers(first: 1) { totalCount pageInfo { countedAt } nodes { eventCount archivedEventCount countedAt } } trainingRuns { totalCount pageInfo { countedAt } } }`);
  const times = [answer.customers.pageInfo.countedAt, answer.customers.nodes[0].countedAt, answer.trainingRuns.pageInfo.countedAt].map(Date.parse);
  for (const time of times) expect(time >= before && time <= Date.now()).toBe(true);
});

test('a segment as another model draws it has the whole, the parts and the members that this model draws', async () => {
  const [whole, part, model] = [id('segment', 1), id('segment', 2), id('model', 9)];
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({
    segments: ids.map((one) => ({ ...segmentOf(one), ...(one === whole ? { childIds: [part] } : { parentId: whole }) })),
  }));
  gateway.services.replace('listMembersOfSegments', ({ segmentIds, modelId }: serving.ListMembersOfSegmentsRequest) => ({
    segments: segmentIds.map((segmentId) => ({
      segmentId, members: modelId === model ? [{ customerId: id('customer', 5), membership: undefined, cursor: 'c' }] : [], pageInfo: { endCursor: 'c', hasNextPage: false, totalCount: 1 },
    })),
    asOf: AT,
  }));
  const { segment } = await data(
    'query($id: ID!, $model: ID!) { segment(id: $id, modelId: $model) { members { totalCount asOf edges { node { userId } membership { strength } } } parent { name children { name } } } }',
    { id: globalId('Segment', part), model: globalId('Model', model) },
  );
  expect(segment).toEqual({
    members: { totalCount: 1, asOf: AT, edges: [{ node: { userId: 'user-5' }, membership: null }] }, parent: { name: 'Segment 1', children: [{ name: 'Segment 2' }] },
  });
  const asked = gateway.services.calls.filter(({ method }) => method === 'getSegments').map(({ request }) => (request as serving.GetSegmentsRequest).modelId);
  expect(new Set(asked)).toEqual(new Set([model]));
});
