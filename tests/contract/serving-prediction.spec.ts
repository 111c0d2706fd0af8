import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { DuckDBInstance } from '@duckdb/node-api';
import { v7 as uuid } from 'uuid';

import { forgetting, prediction, head as worker } from '#libs/contracts';
import { connect, type RpcClient, status } from '#libs/grpc';

import { model, segment, ServingHouse, type ServingReplica, type TestWorkspace } from './serving-house.js';

const AS_OF = '2026-01-01T00:00:00.000Z';
const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
let predictions: RpcClient<typeof prediction.PredictionServiceService>;
let forgettings: RpcClient<typeof forgetting.ForgettingServiceService>;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start();
  predictions = connect(prediction.PredictionServiceService, replica.address);
  forgettings = connect(forgetting.ForgettingServiceService, replica.address);
});
afterAll(async () => {
  predictions?.close();
  forgettings?.close();
  await house?.close();
});

/** A workspace whose served model knows some customers. */
async function served(count: number): Promise<{ workspace: TestWorkspace; customers: string[] }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const first = model();
  await house.prepare(replica, workspace, first, { segments: [segment(0, 'One'), segment(1, 'Many'), segment(2, 'Quiet')] });
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers };
}

/** What a head says, as the worker writes it. */
async function fileOf(workspace: TestWorkspace, said: Readonly<Record<string, number>>): Promise<{ predictionsUri: string; predictionsSha256: string }> {
  return written(workspace, 'customer, probability', Object.entries(said).map(([customer, probability]) => `('${customer}', ${probability}::DOUBLE)`));
}

async function written(workspace: TestWorkspace, columns: string, rows: string[]): Promise<{ predictionsUri: string; predictionsSha256: string }> {
  const folder = join(fileURLToPath(house.platform.artifactUrl), workspace.id, 'heads', uuid());
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'predictions.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT * FROM (VALUES ${rows.join(', ')}) AS t (${columns})) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  return { predictionsUri: pathToFileURL(path).href, predictionsSha256: createHash('sha256').update(await readFile(path)).digest('hex') };
}

async function load(workspace: TestWorkspace, labelSetId: string, headId: string, file: { predictionsUri: string; predictionsSha256: string }, live: Partial<prediction.LoadPredictionsRequest> = {}): Promise<prediction.LoadPredictionsResponse[]> {
  const answers: prediction.LoadPredictionsResponse[] = [];
  for await (const answer of predictions.loadPredictions(prediction.LoadPredictionsRequest.fromPartial({ labelSetId, headId, ...file, ...live, asOf: AS_OF }), workspace.service)) answers.push(answer);
  return answers;
}

const saidOf = async (workspace: TestWorkspace, customerIds: string[]) => {
  const { customers } = await predictions.getPredictions({ customerIds }, workspace.call);
  return Object.fromEntries(customers.map(({ customerId, predictions: said }) => [customerId, said.map(({ headId, probability }) => [headId, Number(probability.toFixed(3))])]));
};

test('a head’s words are loaded for everyone whom serving knows, and read by customer with their time', async () => {
  const { workspace, customers: [one = '', other = ''] } = await served(2);
  const [set, head, stranger] = [uuid(), uuid(), uuid()];
  const answers = await load(workspace, set, head, await fileOf(workspace, { [one]: 0.25, [other]: 0.75, [stranger]: 0.5 }));
  expect(answers.at(-1)).toEqual({ fraction: 1, completed: true, customers: 2 });
  expect(await saidOf(workspace, [one, other, stranger])).toEqual({ [one]: [[head, 0.25]], [other]: [[head, 0.75]] });
  const { customers: [first] } = await predictions.getPredictions({ customerIds: [one] }, workspace.call);
  expect(first?.predictions[0]).toMatchObject({ labelSetId: set, asOf: AS_OF, live: false });
  const elsewhere = await house.workspace();
  expect(await saidOf(elsewhere, [one])).toEqual({});
});

test('numbers are told with their intervals, after probabilities', async () => {
  const { workspace, customers: [one = ''] } = await served(1);
  const [chances, numbers] = [uuid(), uuid()];
  const regression = { task: worker.HeadTask.REGRESSION };
  const numbersOf = (number: string) => written(workspace, 'customer, number, low, high', [`('${one}', ${number}::DOUBLE, -10.25::DOUBLE, 2000::DOUBLE)`]);
  await load(workspace, numbers, uuid(), await numbersOf('1234.5'), regression);
  await load(workspace, chances, uuid(), await fileOf(workspace, { [one]: 0.25 }));
  const { customers: [said] } = await predictions.getPredictions({ customerIds: [one] }, workspace.call);
  expect(said?.predictions).toMatchObject([
    { labelSetId: chances, probability: 0.25, number: undefined },
    { labelSetId: numbers, number: { number: 1234.5, low: -10.25, high: 2000 }, asOf: AS_OF, live: false },
  ]);
  await expect(load(workspace, numbers, uuid(), await numbersOf("'inf'"), regression)).rejects.toMatchObject({ reason: 'PREDICTIONS_INVALID' });
});

test('a later head takes the place of an earlier one, and an earlier one that comes late changes nothing', async () => {
  const { workspace, customers: [one = '', other = ''] } = await served(2);
  const [set, otherSet, earlier, later, beside] = [uuid(), uuid(), uuid(), uuid(), uuid()];
  await load(workspace, otherSet, beside, await fileOf(workspace, { [one]: 0.9 }));
  await load(workspace, set, later, await fileOf(workspace, { [one]: 0.1 }));
  await load(workspace, set, earlier, await fileOf(workspace, { [one]: 0.8, [other]: 0.8 }));
  expect(await saidOf(workspace, [one, other])).toEqual({ [one]: [[beside, 0.9], [later, 0.1]] });
  const last = uuid();
  await load(workspace, set, last, await fileOf(workspace, { [other]: 0.3 }));
  await load(workspace, set, last, await fileOf(workspace, { [other]: 0.3 }));
  expect(await saidOf(workspace, [one, other])).toEqual({ [one]: [[beside, 0.9]], [other]: [[last, 0.3]] });
});

test('a file that is not the one that was written is refused, and what was served stays', async () => {
  const { workspace, customers: [one = ''] } = await served(1);
  const [set, head] = [uuid(), uuid()];
  await load(workspace, set, head, await fileOf(workspace, { [one]: 0.4 }));
  const changed = { ...(await fileOf(workspace, { [one]: 0.6 })), predictionsSha256: '0'.repeat(64) };
  await expect(load(workspace, set, uuid(), changed)).rejects.toMatchObject({ status: status.DATA_LOSS, reason: 'HASH_MISMATCH' });
  const improbable = await fileOf(workspace, { [one]: 1.5 });
  await expect(load(workspace, set, uuid(), improbable)).rejects.toMatchObject({ status: status.INVALID_ARGUMENT, reason: 'PREDICTIONS_INVALID' });
  expect(await saidOf(workspace, [one])).toEqual({ [one]: [[head, 0.4]] });
});

test('where a head’s live form is not the one that was written, what was said of everyone stands, with its time', async () => {
  const { workspace, customers: [one = ''] } = await served(1);
  const [set, head] = [uuid(), uuid()];
  const file = await fileOf(workspace, { [one]: 0.25 });
  await load(workspace, set, head, file, { liveUri: new URL('head.live.json', file.predictionsUri).href, liveSha256: file.predictionsSha256 });
  const { customers: [first] } = await predictions.getPredictions({ customerIds: [one] }, workspace.call);
  expect(first?.predictions).toMatchObject([{ headId: head, probability: 0.25, asOf: AS_OF, live: false }]);
});

test('of a forgotten customer nothing is said, also by a head that read them before', async () => {
  const { workspace, customers: [gone = '', stays = ''] } = await served(2);
  const [set, file] = [uuid(), await fileOf(workspace, { [gone]: 0.4, [stays]: 0.6 })];
  const head = uuid();
  await load(workspace, set, head, file);
  const { tables } = await forgettings.forgetCustomers({ customerIds: [gone] }, workspace.service);
  expect(tables).toContainEqual({ table: 'serving.predictions', rows: 1 });
  expect(await saidOf(workspace, [gone, stays])).toEqual({ [stays]: [[head, 0.6]] });
  const next = uuid();
  await load(workspace, set, next, file);
  expect(await saidOf(workspace, [gone, stays])).toEqual({ [stays]: [[next, 0.6]] });
});

test('a label set’s predictions are dropped, by services only', async () => {
  const { workspace, customers: [one = ''] } = await served(1);
  const set = uuid();
  await load(workspace, set, uuid(), await fileOf(workspace, { [one]: 0.4 }));
  await expect(predictions.dropPredictions({ labelSetId: set }, workspace.call)).rejects.toMatchObject({ status: status.PERMISSION_DENIED });
  await predictions.dropPredictions({ labelSetId: set }, workspace.service);
  expect(await saidOf(workspace, [one])).toEqual({});
});
