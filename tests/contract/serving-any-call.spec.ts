import fc from 'fast-check';

import { serving } from '#libs/contracts';

import { model, ServingHouse, type ServingReplica, type TestWorkspace } from './serving-house.js';
import { namesOf, tryAnyCalls } from '../any-call.js';
import { servingDefinition } from '../../apps/serving/src/serving.definition.js';

const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
let workspace: TestWorkspace;
let known: string[];
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start();
  workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 20);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const { segments } = await replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({}), workspace.call);
  known = [...customers.slice(0, 5), ...segments.map(({ id }) => id), first.id];
});
afterAll(() => house.close());

test('any request of any method of any service is answered, and never with a failure of the service', async () => {
  const id = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, fc.uuid());
  const text = fc.oneof({ weight: 4, arbitrary: id }, fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('', 'u', 'Order Completed', '{}', '[]'), fc.json());
  const leaves = { text, bytes: fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value)) };
  const principals = [workspace.call, workspace.admin].map(({ principal }) => principal ?? '');
  const { services, methods, well } = await tryAnyCalls({ address: replica.address, folder: 'kindred/serving/v1', principals, leaves, rounds: 24 });
  // Otherwise nothing but the door would have been tried.
  expect([services, well > methods / 3]).toEqual([namesOf(servingDefinition({}).services), true]);
}, 120_000);
