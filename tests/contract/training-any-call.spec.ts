import fc from 'fast-check';

import { label } from '#libs/contracts';

import { tryAnyCalls } from '../any-call.js';
import { FakeLabelPeers } from './fake-label-peers.js';
import { TrainingHouse, type TrainingProcess } from './training-house.js';

let house: TrainingHouse;
let peers: FakeLabelPeers;
let service: TrainingProcess;
beforeAll(async () => {
  [house, peers] = await Promise.all([TrainingHouse.open('training-any-call'), new FakeLabelPeers().start()]);
  service = await house.start({ INGESTION_ADDRESS: peers.address, SERVING_ADDRESS: peers.address, WORKER_TRAIN_ADDRESS: peers.address });
});
afterAll(async () => {
  await house?.close();
  peers?.kill();
});

test('any request of any method of any service is answered, and never with a failure of the service', async () => {
  const { workspaceId, call } = await house.workspace();
  const { labelSet } = await service.labels.createLabelSet({ name: 'Complained', kind: label.LabelKind.BINARY, asOf: undefined }, call);
  const id = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(workspaceId, labelSet?.id ?? '') }, fc.uuid());
  const text = fc.oneof({ weight: 4, arbitrary: id }, fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('', '1', '0', 'gru', 'horizon', '2011-06-01T00:00:00Z'), fc.json());
  const leaves = { text, bytes: fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)) };
  const principals = [call.principal ?? '', await house.asService(workspaceId)];
  const { methods, well } = await tryAnyCalls({ address: service.address, folder: 'kindred/training/v1', principals, leaves, rounds: 24 });
  // Otherwise nothing but the door would have been tried.
  expect(well).toBeGreaterThan(methods / 3);
}, 120_000);
