import { describeScoreWorker } from './score-worker.contract.js';
import { FakeScoreWorker } from './score-worker.fake.js';

describeScoreWorker('the fake score worker', async () => {
  const fake = await new FakeScoreWorker().start();
  return {
    address: fake.address,
    modelUri: 'file:///models/plain',
    modelHash: 'any',
    event: { name: 'Order Completed', properties: {} },
    at: Date.parse('2026-01-01'),
    stop: async () => fake.kill(),
  };
});

// A worker that was started beside these tests, with a trained model: whoever starts it says where.
const { SCORE_WORKER_ADDRESS: address, SCORE_MODEL_URI: modelUri, SCORE_MODEL_HASH: modelHash, SCORE_MODEL_AT: at } = process.env;
if (address && modelUri && modelHash) {
  describeScoreWorker('the real score worker', async () => ({
    address,
    modelUri,
    modelHash,
    event: { name: 'Order Completed', properties: { revenue: 25 } },
    at: Date.parse(at ?? '2011-06-01'),
    stop: async () => undefined,
  }));
}
