import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { openArtifactStore } from '#libs/artifacts';
import { worker } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { openLiveModel } from '../../apps/serving/src/onnx/live.model.opener.js';
import { hasPython, type Learned, learnModels, SHOP_OPENED, startWorker } from './real-worker.js';
import { describeScoreWorker, type ScoreWorkerUnderTest } from './score-worker.contract.js';
import { FakeScoreWorker } from './score-worker.fake.js';

const DAY_MS = 86_400_000;

/** The real worker's score role. */
function atWorker(address: string, { uri, hash }: Learned): ScoreWorkerUnderTest {
  const client = connect(worker.ScoreWorkerServiceService, address);
  return {
    score: (requests, options) => client.score(requests, options),
    modelUri: uri,
    modelHash: hash,
    event: { name: 'Order Completed', properties: { revenue: 25 } },
    at: SHOP_OPENED,
    stop: async () => client.close(),
  };
}

/** The same bundle scored in this process. */
function inProcess(folder: string, { uri, hash }: Learned): ScoreWorkerUnderTest {
  const artifacts = openArtifactStore(pathToFileURL(folder).href);
  async function* score(requests: AsyncIterable<worker.ScoreRequest>): AsyncGenerator<worker.ScoreResponse> {
    for await (const { requestId, modelUri, modelHash, fence, customers } of requests) {
      const model = await openLiveModel(artifacts, modelUri, modelHash);
      yield { requestId, modelHash, fence, customers: [], foreseen: [], ...(await model?.score(customers)) };
    }
  }
  return { score, modelUri: uri, modelHash: hash, event: { name: 'Order Completed', properties: { revenue: 25 } }, at: SHOP_OPENED, stop: async () => undefined };
}

describeScoreWorker('the fake score worker', async () => {
  const fake = await new FakeScoreWorker().start();
  const client = connect(worker.ScoreWorkerServiceService, fake.address);
  return {
    score: (requests, options) => client.score(requests, options),
    modelUri: 'file:///models/plain',
    modelHash: 'any',
    event: { name: 'Order Completed', properties: {} },
    at: Date.parse('2026-01-01'),
    stop: async () => {
      client.close();
      await fake.kill();
    },
  };
});

if (!hasPython) process.stderr.write('skipped, because there is no .venv (npm test makes it): the real score worker, and scoring in process\n');
const ENCODERS = ['decayed_sum', 'gru'] as const;
(hasPython ? describe : describe.skip)('a learned model', () => {
  let folder: string;
  let scorer: Awaited<ReturnType<typeof startWorker>>;
  let models: Record<(typeof ENCODERS)[number], Learned>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kindred-score-'));
    [models, scorer] = await Promise.all([learnModels(folder, ENCODERS), startWorker('score')]);
  }, 240_000);
  afterAll(async () => {
    await scorer?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(ENCODERS)('with the encoder %s', (encoder) => {
    describeScoreWorker('the real score worker', async () => atWorker(scorer.address, models[encoder]));
    describeScoreWorker('scoring in process', async () => inProcess(folder, models[encoder]));

    test('is the same in process as at the worker, whatever the events are', async () => {
      const model = models[encoder];
      const [remote, local] = [atWorker(scorer.address, model), inProcess(folder, model)];
      const customers = Array.from({ length: 60 }, (_, index) => customerOf(index, model));
      const request = worker.ScoreRequest.fromPartial({ requestId: 1, modelUri: model.uri, modelHash: model.hash, customers });
      const answer = async ({ score }: ScoreWorkerUnderTest) => {
        const outgoing = async function* () {
          yield request;
        };
        for await (const response of score(outgoing(), { signal: AbortSignal.timeout(30_000) })) return response.customers;
        throw new Error('no answer');
      };
      const [theirs, ours] = [await answer(remote), await answer(local)];
      await remote.stop();
      for (const [index, result] of theirs.entries()) expectClose(ours[index], result);
      expect(new Set(theirs.map(({ segmentIndex }) => segmentIndex)).size).toBeGreaterThan(1);
      // A state that one of them has left off is taken up by the other.
      const [last] = theirs;
      const taken = await openLiveModel(openArtifactStore(pathToFileURL(folder).href), model.uri, model.hash);
      const { customers: [resumed] = [] } = (await taken?.score([{ customerId: 'resumed', state: last?.state ?? Buffer.alloc(0), events: [], readAt: customers[0]?.readAt ?? 0 }])) ?? {};
      expectClose(resumed && { ...resumed, customerId: last?.customerId ?? '' }, last);
    }, 120_000);
  });
});

/** Someone with so many events, of which some say little and some say too much. */
function customerOf(index: number, { hash }: Learned): worker.CustomerScoreRequest {
  const names = ['Order Completed', 'Product Viewed', 'Page Viewed', 'Never Heard Of'];
  const told = [{ revenue: 20 + index }, { price: '12.5', path: '/p/3' }, {}, { revenue: hash, price: null, path: 7 }, { revenue: -1e9, unknown: [1] }];
  const events = Array.from({ length: index % 23 }, (_, at) => ({
    name: names[(index + at) % names.length] ?? '',
    occurredAt: (SHOP_OPENED + (index + at * (1 + (index % 5))) * DAY_MS + at * 1_234_567) * 1_000,
    properties: Buffer.from(JSON.stringify(told[(index + at) % told.length])),
  }));
  return { customerId: `c${index}`, state: Buffer.alloc(0), events, readAt: (SHOP_OPENED + 380 * DAY_MS) * 1_000 };
}

function expectClose(ours: worker.CustomerScoreResult | undefined, theirs: worker.CustomerScoreResult | undefined): void {
  expect(ours).toMatchObject({ customerId: theirs?.customerId, segmentIndex: theirs?.segmentIndex, rebuild: false, error: '' });
  const numbers = (result: worker.CustomerScoreResult | undefined) => [
    result?.strength, result?.mapX, result?.mapY, ...floats(result?.packedForecast), ...floats(result?.embedding),
  ];
  const wanted = numbers(theirs);
  for (const [at, value] of numbers(ours).entries()) expect(value).toBeCloseTo(wanted[at] ?? Number.NaN, 3);
  expect(ours?.novelty).toBeCloseTo(theirs?.novelty ?? Number.NaN, 2);
  expect(ours?.state.length).toBe(theirs?.state.length);
}

function floats(packed: Uint8Array = Buffer.alloc(0)): number[] {
  return Array.from({ length: packed.length / 4 }, (_, index) => Buffer.from(packed).readFloatLE(index * 4));
}
