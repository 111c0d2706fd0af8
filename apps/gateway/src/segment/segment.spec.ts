import { rule, type serving, worker } from '#libs/contracts';

import { id, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

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

test('a level is asked for, and a segment tells its whole, its parts, largest first, and its rule', async () => {
  const [whole, part, small] = [id('segment', 1), id('segment', 2), id('segment', 3)];
  const more: Record<string, Partial<serving.Segment>> = {
    [whole]: { level: worker.SegmentLevel.COARSER, childIds: [small, part] },
    [part]: {
      parentId: whole, size: 30,
      rule: {
        text: 'At least 3 orders so far.', fidelity: 0.9, precision: 0.8, recall: 1, balancedAccuracy: 0.95, faithful: true,
        conditions: [{ trait: 'main_count', operator: rule.RuleOperator.AT_LEAST, value: 3, unit: 'times', text: 'At least 3 orders so far' }],
      },
    },
    [small]: { parentId: whole, size: 5 },
  };
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({ segments: ids.map((one) => ({ ...segmentOf(one), ...more[one] })) }));
  const answer = await data(
    `query($whole: ID!, $part: ID!) {
      segments(level: COARSER) { totalCount }
      whole: segment(id: $whole) { level parent { name } children { name size } rule { text } }
      part: segment(id: $part) { level parent { name } children { name } rule { text isFaithful fidelity balancedAccuracy conditions { trait operator value unit text } } }
    }`,
    { whole: globalId('Segment', whole), part: globalId('Segment', part) },
  );
  expect(gateway.services.calls.find(({ method }) => method === 'listSegments')?.request).toMatchObject({ level: worker.SegmentLevel.COARSER });
  expect(answer.whole).toEqual({ level: 'COARSER', parent: null, children: [{ name: 'Segment 2', size: 30 }, { name: 'Segment 3', size: 5 }], rule: null });
  expect(answer.part).toEqual({
    level: 'MAIN', parent: { name: 'Segment 1' }, children: [],
    rule: {
      text: 'At least 3 orders so far.', isFaithful: true, fidelity: 0.9, balancedAccuracy: 0.95,
      conditions: [{ trait: 'main_count', operator: 'AT_LEAST', value: 3, unit: 'times', text: 'At least 3 orders so far' }],
    },
  });
});

test('a membership tells the finer segment within it, where there is one', async () => {
  const answerOf = async (finerSegmentId: string) => {
    gateway.services.replace('getUserMemberships', ({ userIds }: serving.GetUserMembershipsRequest) => ({
      users: userIds.map((userId) => ({
        userId,
        customer: {
          customerId: id('customer', 1), known: true, novelty: 0, mapX: 0, mapY: 0,
          memberships: [{ segmentId: id('segment', 1), strength: 0.9, since: '2026-01-01T00:00:00.000Z', decidedAt: '2026-01-01T00:00:00.000Z', modelId: '', finerSegmentId }],
        },
      })),
      segments: [], basis: undefined,
    }));
    return (await data('{ customer(userId: "user-1") { memberships { segment { name } finer { name } } } }')).customer.memberships;
  };
  expect(await answerOf(id('segment', 2))).toEqual([{ segment: { name: 'Segment 1' }, finer: { name: 'Segment 2' } }]);
  expect(await answerOf('')).toEqual([{ segment: { name: 'Segment 1' }, finer: null }]);
});

test('the segments of a look-up come with its places, in a list as they are: another call is made for who asks for traits, one for all', async () => {
  const plain = '{ customers(first: 30) { nodes { memberships { segment { id name size share stability basis { asOf } } } } } segments(first: 25) { nodes { id name description size } } }';
  expect((await data(plain)).segments.nodes[0]).toMatchObject({ name: 'Segment 1', description: 'A group.', size: 10 });
  expect(gateway.services.count('getSegments')).toBe(0);
  const detailed = await data('{ segments(first: 25) { nodes { traits { label } typicalCustomers { userId } lineage { kind } rule { text } } } customer(userId: "user-1") { memberships { segment { traits { label } } } } }');
  expect(detailed.segments.nodes[0]).toEqual({ traits: [{ label: 'orders often' }], typicalCustomers: [{ userId: 'user-1' }, { userId: 'user-2' }, { userId: 'user-39' }], lineage: [], rule: null });
  expect(detailed.customer.memberships[0].segment.traits).toEqual([{ label: 'orders often' }]);
  expect(gateway.services.count('getSegments')).toBe(1);
});

test('traits of a listed segment are those of the model, or of the time, that the list was asked for', async () => {
  const modelId = globalId('Model', id('model', 2));
  await data('query($modelId: ID!) { segments(modelId: $modelId) { nodes { traits { label } } } past: segments(asOf: "2026-01-02T00:00:00Z") { nodes { lineage { kind } } } }', { modelId });
  const asked = gateway.services.calls.filter(({ method }) => method === 'getSegments').map(({ request }) => request as serving.GetSegmentsRequest);
  expect(asked.map((request) => [request.modelId, request.asOf]).toSorted()).toEqual([['', '2026-01-02T00:00:00.000Z'], [id('model', 2), undefined]]);
});
