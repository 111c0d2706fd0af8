import { head, label, prediction } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
const SET = id('import', 1);
const HEAD = id('run', 7);

beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => {
  const set = label.LabelSet.fromPartial({ id: SET, name: 'Complained', kind: label.LabelKind.BINARY, labels: 24, positives: 12, createdAt: AT, servedHeadId: HEAD });
  const served = label.Head.fromPartial({
    id: HEAD, labelSetId: SET, modelId: id('model', 1), spec: { encoder: head.HeadEncoder.FINE_TUNED, seed: 5 }, state: label.HeadState.SUCCEEDED, progress: 1, createdAt: AT, asOf: AT, served: true,
    evaluation: { labels: 24, verdict: head.HeadVerdict.BEHIND, sentence: 'Aggregates win.', standings: [{ subject: 'rfm', auc: 0.75, baseline: true }] },
  });
  gateway.services.replace('getLabelSets', ({ ids }: label.GetLabelSetsRequest) => ({ labelSets: ids.includes(SET) ? [set] : [] }));
  gateway.services.replace('getHeads', () => ({ heads: [served] }));
  gateway.services.replace('getPredictions', ({ customerIds }: prediction.GetPredictionsRequest) => ({
    customers: customerIds.map((customerId) => ({
      customerId,
      predictions: [{ labelSetId: SET, headId: HEAD, probability: 0.75, asOf: AT }, { labelSetId: id('import', 2), headId: HEAD, probability: 0.5, asOf: AT }],
    })),
  }));
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

test('what labels say of a page of customers costs one call a kind, and a removed label set says nothing', async () => {
  const { body } = await gateway.ask(`{ customers(first: 30) { nodes { predictions { probability asOf labelSet { name servedHead { encoder } } head { seed isServed evaluation { verdict sentence standings { subject isRival } } } } } } }`);
  expect(body.errors).toBeUndefined();
  const said = {
    probability: 0.75, asOf: AT, labelSet: { name: 'Complained', servedHead: { encoder: 'FINE_TUNED' } },
    head: { seed: 5, isServed: true, evaluation: { verdict: 'BEHIND', sentence: 'Aggregates win.', standings: [{ subject: 'rfm', isRival: true }] } },
  };
  expect(body.data.customers.nodes).toEqual(Array.from({ length: 30 }, () => ({ predictions: [said] })));
  const counts = Object.fromEntries(['getPredictions', 'getLabelSets', 'getHeads'].map((method) => [method, gateway.services.count(method)]));
  expect(counts).toEqual({ getPredictions: 1, getLabelSets: 1, getHeads: 1 });
});

test('numbers stand beside what is said of yes or no, each with what is true of it', async () => {
  const set = label.LabelSet.fromPartial({ id: SET, name: 'Spent', kind: label.LabelKind.NUMERIC, labels: 24, numbers: { lowest: -1, mean: 2.5, highest: 9 }, createdAt: AT, servedHeadId: HEAD });
  const served = label.Head.fromPartial({
    id: HEAD, labelSetId: SET, state: label.HeadState.SUCCEEDED, createdAt: AT, asOf: AT, served: true,
    numberEvaluation: { labels: 24, verdict: head.HeadVerdict.AHEAD, sentence: 'Closer.', below: -2, above: 3, covered: 0.9, standings: [{ subject: 'head', rmse: 1.5, r2: 0.75 }] },
  });
  gateway.services.replace('getLabelSets', () => ({ labelSets: [set] }));
  gateway.services.replace('getHeads', () => ({ heads: [served] }));
  gateway.services.replace('getPredictions', ({ customerIds }: prediction.GetPredictionsRequest) => ({
    customers: customerIds.map((customerId) => ({ customerId, predictions: [{ labelSetId: SET, headId: HEAD, probability: 0, number: { number: 4, low: 2, high: 7 }, asOf: AT, live: true }] })),
  }));
  const { body } = await gateway.ask(`{ customers(first: 1) { nodes { predictions { probability } numberPredictions { number low high isLive asOf labelSet { kind positiveCount numbers { lowest mean highest } } head {
    evaluation { sentence } numberEvaluation { verdict sentence below above covered bestRival standings { subject rmse r2 isRival } } } } } } }`);
  expect(body.errors).toBeUndefined();
  expect(body.data.customers.nodes).toEqual([{
    predictions: [],
    numberPredictions: [{
      number: 4, low: 2, high: 7, isLive: true, asOf: AT, labelSet: { kind: 'NUMERIC', positiveCount: 0, numbers: { lowest: -1, mean: 2.5, highest: 9 } },
      head: {
        evaluation: null,
        numberEvaluation: { verdict: 'AHEAD', sentence: 'Closer.', below: -2, above: 3, covered: 0.9, bestRival: null, standings: [{ subject: 'head', rmse: 1.5, r2: 0.75, isRival: false }] },
      },
    }],
  }]);
});

test('a label’s value and its number reach training as what they are', async () => {
  gateway.services.replace('addLabels', () => ({ labelSet: label.LabelSet.fromPartial({ id: SET, createdAt: AT }), stored: 3, leftOut: 0, problems: [] }));
  const set = Buffer.from(`LabelSet:${SET}`).toString('base64url');
  const { body } = await gateway.ask(`mutation { addLabels(input: { labelSetId: "${set}", labels: [{ userId: "a", value: true }, { userId: "b", number: 1 }, { userId: "c" }] }) { ... on LabelsAdded { stored } } }`);
  expect(body.errors).toBeUndefined();
  const asked = gateway.services.calls.findLast(({ method }) => method === 'addLabels')?.request as label.AddLabelsRequest | undefined;
  expect(asked?.labels.map(({ value, number }) => [value, number])).toEqual([['yes', undefined], ['', 1], ['', undefined]]);
});

test('a head that is being trained is named where another is asked for', async () => {
  gateway.services.replace('trainHead', () => {
    throw RpcError.precondition('A head of this label set is being trained.', { reason: 'HEAD_ACTIVE', metadata: { headId: HEAD } });
  });
  const { labelSet } = (await gateway.ask(`{ labelSet(id: "${Buffer.from(`LabelSet:${SET}`).toString('base64url')}") { id } }`)).body.data;
  const { body } = await gateway.ask(`mutation { trainHead(input: { labelSetId: "${labelSet.id}", encoder: FINE_TUNED }) { __typename ... on HeadActive { code head { encoder } } } }`);
  expect(body.data.trainHead).toEqual({ __typename: 'HeadActive', code: 'HEAD_ACTIVE', head: { encoder: 'FINE_TUNED' } });
  expect(gateway.services.calls.find(({ method }) => method === 'trainHead')?.request).toEqual({
    labelSetId: SET, modelId: '', spec: { encoder: head.HeadEncoder.FINE_TUNED, seed: 0, learningRate: 0, epochs: 0, task: head.HeadTask.UNSPECIFIED },
  });
});

test('the audit trail tells that labels were added, and of whom nothing', async () => {
  gateway.services.replace('addLabels', () => ({ labelSet: label.LabelSet.fromPartial({ id: SET, createdAt: AT }), stored: 1, leftOut: 0, problems: [] }));
  const set = Buffer.from(`LabelSet:${SET}`).toString('base64url');
  const { body } = await gateway.ask(`mutation { addLabels(input: { labelSetId: "${set}", labels: [{ userId: "user-3", value: true }] }) { ... on LabelsAdded { stored } } }`);
  expect(body.data.addLabels).toEqual({ stored: 1 });
  expect(gateway.services.audit.at(-1)).toMatchObject({ action: 'addLabels', outcome: 'OK' });
  expect(gateway.services.audit.at(-1)?.details).not.toContain('user-3');
});

test('a viewer reads labels and changes none', async () => {
  const { body } = await gateway.ask('mutation { createLabelSet(input: { name: "x" }) { __typename } }', {}, KEYS.viewer);
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
});
