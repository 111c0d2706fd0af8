import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { jest } from '@jest/globals';
import { Client } from 'pg';
import { v7 as uuid } from 'uuid';

import { head, label } from '#libs/contracts';
import { openDatabase } from '#libs/database';
import { type Call, RpcError, status } from '#libs/grpc';

import { HeadRepository } from '../../apps/training/src/head/head.repository.js';
import { FakeLabelPeers } from './fake-label-peers.js';
import { eventually, TrainingHouse, type TrainingProcess } from './training-house.js';

const { HeadState, LabelKind } = label;
const MODEL = `insert into training.models (workspace_id, id, version, state, run_id, uri, hash, customers_uri, customers_sha256, files, position_horizon, position_sequence, events, customers,
    segment_count, segments, retired_champion_indexes, measures, verdict, created_at)
  values ($1, $2, $3, $4::training.model_state, $2, 'file:///models/one', 'cafe', 'file:///models/one/customers.parquet', 'cafe', '[]', 42, 7, 1000, 100, 2, '[]', '{}', '[]', 'Approved.', now())`;

let house: TrainingHouse;
let peers: FakeLabelPeers;
let service: TrainingProcess;
const start = () => house.start({ INGESTION_ADDRESS: peers.address, SERVING_ADDRESS: peers.address, WORKER_TRAIN_ADDRESS: peers.address });
beforeAll(async () => {
  [house, peers] = await Promise.all([TrainingHouse.open('training-labels-contract'), new FakeLabelPeers().start()]);
  service = await start();
  for (let at = 0; at < 40; at += 1) peers.customers.set(`user-${at}`, uuid());
});
afterAll(async () => {
  await house?.close();
  peers?.kill();
});
afterEach(() => peers.reset());

interface Place {
  readonly workspaceId: string;
  readonly call: Call;
  readonly modelId: string;
  readonly setId: string;
}

const labelsOf = (from: number, to: number, value: string): label.Label[] => Array.from({ length: to - from }, (_, index) => ({ userId: `user-${from + index}`, value, number: undefined, asOf: '' }));
const add = (call: Call, labelSetId: string, labels: label.Label[]) => service.labels.addLabels({ labelSetId, labels, artifact: '', fileName: '' }, call);

/** A workspace with a champion and a set of twelve labels of either value. */
async function labelled(): Promise<Place> {
  const { workspaceId, call } = await house.workspace();
  const modelId = uuid();
  await house.rows(MODEL, [workspaceId, modelId, 1, 'CHAMPION']);
  const { labelSet } = await service.labels.createLabelSet({ name: 'Complained', kind: LabelKind.BINARY, asOf: '2011-06-01T00:00:00Z' }, call);
  await add(call, labelSet?.id ?? '', [...labelsOf(0, 12, '1'), ...labelsOf(12, 24, '0')]);
  return { workspaceId, call, modelId, setId: labelSet?.id ?? '' };
}

const train = async ({ call, setId }: Place, spec?: Partial<head.HeadSpec>) =>
  (await service.heads.trainHead({ labelSetId: setId, modelId: '', spec: head.HeadSpec.fromPartial(spec ?? {}) }, call)).head as label.Head;
const get = async (call: Call, id: string) => (await service.heads.getHeads({ ids: [id] }, call)).heads[0] as label.Head;
const ended = ({ call }: Place, id: string) => eventually(async () => {
  const now = await get(call, id);
  return now.state !== HeadState.QUEUED && now.state !== HeadState.RUNNING && now;
});
const folderOf = ({ workspaceId }: Place, headId: string) => `${fileURLToPath(house.platform.artifactUrl)}/${workspaceId}/heads/${headId}`;
const failure = (promise: Promise<unknown>): Promise<RpcError> => promise.then(
  () => {
    throw new Error('it did not fail');
  },
  (error: unknown) => error as RpcError,
);

test('a head learns from customers as they are now, and is served with its evaluation', async () => {
  const place = await labelled();
  // user-1 has become one with user-12 since, who was labelled in the same breath; user-2 is nobody any more.
  const before = new Map(peers.customers);
  peers.customers.set('user-1', peers.customers.get('user-12') ?? '');
  peers.customers.delete('user-2');
  const { id } = await train(place, { seed: 3 });
  const done = await ended(place, id);
  for (const [user, customer] of before) peers.customers.set(user, customer);

  expect(done).toMatchObject({ state: HeadState.SUCCEEDED, progress: 1, served: true, error: '', asOf: '2011-12-09T12:50:00.000Z', modelId: place.modelId, requestedBy: 'key:test' });
  expect(done.evaluation).toMatchObject({ labels: 22, verdict: head.HeadVerdict.BEHIND, sentence: 'Hand-made aggregates win.' });
  const [asked] = peers.asked;
  expect(asked?.request).toMatchObject({ headId: id, modelUri: 'file:///models/one', snapshotUri: `file:///nowhere/${id}`, spec: { encoder: head.HeadEncoder.FROZEN, seed: 3 } });
  expect(asked?.labels[0]).toBe('customer,value,as_of');
  expect(asked?.labels).toContain(`${peers.customers.get('user-0')},1,2011-06-01T00:00:00.000Z`);
  expect(asked?.labels).toHaveLength(1 + 22);
  expect(peers.loaded).toMatchObject([{ labelSetId: place.setId, headId: id, liveUri: expect.stringMatching(/head\.live\.json$/), liveSha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  expect(existsSync(`${folderOf(place, id)}/head.json`)).toBe(true);
  for (const personal of ['predictions.parquet', 'labels-1.csv']) expect(existsSync(`${folderOf(place, id)}/${personal}`)).toBe(false);
  const { labelSets: [set] } = await service.labels.getLabelSets({ ids: [place.setId] }, place.call);
  expect(set).toMatchObject({ labels: 24, positives: 12, servedHeadId: id });
  expect(await house.rows('select 1 from training.open_work where workspace_id = $1', [place.workspaceId])).toEqual([]);
}, 60_000);

/** Another model becomes champion. */
async function promoted({ workspaceId, call }: Place, version: number): Promise<string> {
  const modelId = uuid();
  await house.rows(MODEL, [workspaceId, modelId, version, 'APPROVED']);
  await service.models.promoteModel({ id: modelId }, call);
  return modelId;
}
const heads = async ({ call, setId }: Place) =>
  (await service.heads.listHeadsOfLabelSets({ labelSetIds: [setId], page: { first: 10, after: '' }, withTotal: false }, call)).labelSets[0]?.heads ?? [];

test('a new champion has the heads of the former one learned again as they were asked for, and leaves those of a named model alone', async () => {
  const [follows, named] = [await labelled(), await labelled()];
  const first = await train(follows, { seed: 3 });
  const pinned = (await service.heads.trainHead({ labelSetId: named.setId, modelId: named.modelId, spec: undefined }, named.call)).head as label.Head;
  await Promise.all([ended(follows, first.id), ended(named, pinned.id)]);
  const [champion] = await Promise.all([promoted(follows, 2), promoted(named, 2)]);
  const renewed = await eventually(async () => (await heads(follows)).find(({ modelId, state }) => modelId === champion && state === HeadState.SUCCEEDED));
  expect(renewed).toMatchObject({ served: true, requestedBy: 'service:training', spec: { encoder: head.HeadEncoder.FROZEN, seed: 3 } });
  expect((await heads(follows)).map(({ id }) => id)).toEqual([renewed?.id, first.id]);
  expect((await heads(named)).map(({ id, served }) => [id, served])).toEqual([[pinned.id, true]]);

  // Pages of several label sets are those of each of them.
  const [both, one] = [{ first: 10, after: '' }, { first: 1, after: '' }];
  const several = async (labelSetIds: string[], page: typeof both, withTotal = true) => (await service.heads.listHeadsOfLabelSets({ labelSetIds, page, withTotal }, follows.call)).labelSets;
  // Another workspace's is none here.
  for (const page of [both, one]) expect(await several([named.setId, follows.setId, 'no id'], page)).toEqual([expect.objectContaining({ heads: [] }), ...(await several([follows.setId], page)), expect.objectContaining({ heads: [] })]);
  const [cut] = await several([follows.setId], one, false);
  expect(cut?.pageInfo).toMatchObject({ hasNextPage: true, totalCount: 0 });
  expect((await several([follows.setId], { first: 1, after: cut?.pageInfo?.endCursor ?? '' }))[0]?.heads.map(({ id }) => id)).toEqual([first.id]);

  // For as many statements.
  const { labelSet: other } = await service.labels.createLabelSet({ name: 'Another', kind: LabelKind.BINARY, asOf: undefined }, follows.call);
  const database = openDatabase({ url: house.platform.databaseUrl, service: 'training' });
  const spy = jest.spyOn(Client.prototype, 'query');
  const statements = async (labelSetIds: string[], withTotal: boolean) => {
    spy.mockClear();
    await new HeadRepository(database).listOfLabelSets(follows.workspaceId, labelSetIds, { first: 10, after: undefined }, withTotal);
    return spy.mock.calls.filter(([query]) => JSON.stringify(query).includes('heads')).length;
  };
  for (const [withTotal, count] of [[false, 2], [true, 3]] as const) {
    for (const ids of [[follows.setId], [follows.setId, other?.id ?? '']]) expect(await statements(ids, withTotal)).toBe(count);
  }
  spy.mockRestore();
  await database.close();
});

test('a head that was begun before there was a new champion is learned again when it has ended', async () => {
  const place = await labelled();
  peers.halfway.hold();
  const { id } = await train(place);
  await peers.halfway.reached.next();
  const champion = await promoted(place, 2);
  expect((await heads(place)).map((one) => one.id)).toEqual([id]);
  peers.halfway.go();
  await ended(place, id);
  await eventually(async () => (await heads(place)).some(({ modelId, served }) => modelId === champion && served));
});

test('a head survives the death of the process that drives it', async () => {
  const place = await labelled();
  peers.halfway.hold();
  const { id } = await train(place);
  await peers.halfway.reached.next();
  await service.kill();
  peers.halfway.go();
  service = await start();
  expect(await ended(place, id)).toMatchObject({ state: HeadState.SUCCEEDED });
  expect(peers.asked).toHaveLength(2);
  expect(existsSync(`${folderOf(place, id)}/labels-1.csv`)).toBe(false);
}, 90_000);

test('a head that is cancelled stops its worker and leaves nothing behind', async () => {
  const place = await labelled();
  peers.halfway.hold();
  const { id } = await train(place);
  await peers.halfway.reached.next();
  const again = await failure(train(place));
  expect(again).toMatchObject({ status: status.FAILED_PRECONDITION, reason: 'HEAD_ACTIVE', metadata: { headId: id } });
  expect(await failure(service.labels.deleteLabelSet({ id: place.setId }, place.call))).toMatchObject({ reason: 'HEAD_ACTIVE' });
  await service.heads.cancelHead({ id }, place.call);
  expect(await ended(place, id)).toMatchObject({ state: HeadState.CANCELLED, served: false });
  await eventually(async () => peers.brokenOff === 1);
  expect(existsSync(folderOf(place, id))).toBe(false);
  expect(await eventually(async () => peers.snapshotsRemoved.includes(id))).toBe(true);
  expect(peers.loaded).toEqual([]);
  expect(await failure(service.heads.cancelHead({ id }, place.call))).toMatchObject({ reason: 'HEAD_ENDED' });
}, 60_000);

test('labels that are numbers, of several times each, are learned from as they are', async () => {
  const place = await labelled();
  const { labelSet: set } = await service.labels.createLabelSet({ name: 'Spent', kind: LabelKind.NUMERIC, asOf: '2011-06-01T00:00:00Z' }, place.call);
  const setId = set?.id ?? '';
  const numbers = (from: number, asOf: string) => labelsOf(0, 10, '').map((one, index) => ({ ...one, number: from + index / 4, asOf }));
  await add(place.call, setId, numbers(0, ''));
  expect(await failure(train({ ...place, setId }))).toMatchObject({ reason: 'TOO_FEW_LABELS', message: expect.stringContaining('labels of 20 customers; there are 10 labels') });
  const added = await add(place.call, setId, [...numbers(-5, '2011-07-01'), ...labelsOf(20, 21, 'yes')]);
  expect(added).toMatchObject({ stored: 10, leftOut: 1, problems: [{ line: 11, userId: 'user-20', reason: 'VALUE_INVALID' }], labelSet: { labels: 20, positives: 0, numbers: { lowest: -5, mean: -1.375, highest: 2.25 } } });
  const before = peers.customers.get('user-9') ?? '';
  peers.customers.set('user-9', peers.customers.get('user-8') ?? '');
  const { id } = await train({ ...place, setId });
  const done = await ended({ ...place, setId }, id);
  peers.customers.set('user-9', before);
  expect(done).toMatchObject({ state: HeadState.SUCCEEDED, served: true, evaluation: undefined, numberEvaluation: { labels: 18, sentence: 'Hand-made aggregates win.' } });
  expect(peers.asked[0]?.request.spec).toMatchObject({ task: head.HeadTask.REGRESSION });
  const lines = peers.asked[0]?.labels.slice(1) ?? [];
  expect(lines).toHaveLength(18);
  // The same labels are the same lines, in whatever order they came.
  const placeOf = (line: string) => line.split(',').filter((_, column) => column !== 1).join(' ');
  expect(lines.map(placeOf)).toEqual(lines.map(placeOf).toSorted());
  expect(lines).toEqual(expect.arrayContaining(
    [`0.25,2011-06-01T00:00:00.000Z`, `-4.75,2011-07-01T00:00:00.000Z`].map((line) => `${peers.customers.get('user-1')},${line}`),
  ));
  expect(peers.loaded).toMatchObject([{ labelSetId: setId, task: head.HeadTask.REGRESSION }]);
  const asService = { principal: await house.asService(place.workspaceId) };
  const { labels } = await service.labels.getPersonLabels({ userIds: ['user-1'] }, asService);
  expect(labels.filter(({ labelSet }) => labelSet === 'Spent').map(({ number }) => number).toSorted()).toEqual([-4.75, 0.25]);
}, 60_000);

test('what keeps a head from being learned is told with its remedy', async () => {
  const place = await labelled();
  peers.failWith = RpcError.precondition('There are too few labels to learn from', { reason: 'TOO_LITTLE_DATA', metadata: { needed: '10 of either value, of customers with events', found: '4 of one value' } });
  const { id } = await train(place);
  expect(await ended(place, id)).toMatchObject({
    state: HeadState.FAILED,
    error: 'There are too few labels to learn from. Needed: 10 of either value, of customers with events; found: 4 of one value. Add labels and train the head again.',
  });
  expect(await eventually(async () => peers.snapshotsRemoved.includes(id))).toBe(true);
  const few = await service.labels.createLabelSet({ name: 'Few', kind: LabelKind.BINARY, asOf: undefined }, place.call);
  expect(await failure(service.heads.trainHead({ labelSetId: few.labelSet?.id ?? '', modelId: '', spec: undefined }, place.call))).toMatchObject({ reason: 'TOO_FEW_LABELS' });
  expect(await failure(train(place, { learningRate: 2 }))).toMatchObject({ reason: 'SPEC_INVALID', metadata: { field: 'learningRate' } });
  expect(await failure(service.heads.trainHead({ labelSetId: place.setId, modelId: uuid(), spec: undefined }, place.call))).toMatchObject({ status: status.NOT_FOUND, reason: 'MODEL_UNKNOWN' });
  expect(await failure(service.labels.createLabelSet({ name: 'Few', kind: LabelKind.BINARY, asOf: undefined }, place.call))).toMatchObject({ reason: 'NAME_TAKEN' });
}, 60_000);

test('a label set that is removed takes the files and the snapshots of its heads with it', async () => {
  const place = await labelled();
  const { id } = await train(place);
  await ended(place, id);
  expect([existsSync(folderOf(place, id)), peers.snapshotsRemoved.includes(id)]).toEqual([true, false]);
  await service.labels.deleteLabelSet({ id: place.setId }, place.call);
  expect([existsSync(folderOf(place, id)), peers.snapshotsRemoved.includes(id)]).toEqual([false, true]);
}, 60_000);

test('labels of a file are stored with what was wrong with the others, a later label replaces an earlier one as of the same time, and a person’s are forgotten', async () => {
  const place = await labelled();
  peers.files.set('upload', [
    { line: 2, cells: ['user-0', '0', '2011-05-01'], fault: '' },
    { line: 3, cells: ['nobody', '1', ''], fault: '' },
    { line: 4, cells: [], fault: 'too many columns' },
  ]);
  const added = await service.labels.addLabels({ labelSetId: place.setId, labels: [], artifact: 'upload', fileName: 'labels.csv' }, place.call);
  expect(added).toMatchObject({ stored: 1, leftOut: 2, labelSet: { labels: 25, positives: 12 } });
  expect(added.problems.map(({ line, reason }) => [line, reason])).toEqual([[3, 'CUSTOMER_UNKNOWN'], [4, 'UNREADABLE']]);
  expect(await failure(service.labels.getPersonLabels({ userIds: ['user-0'] }, place.call))).toMatchObject({ status: status.PERMISSION_DENIED });
  const asService = { principal: await house.asService(place.workspaceId) };
  const replaced = await add(place.call, place.setId, [{ userId: 'user-0', value: 'no', number: undefined, asOf: '2011-06-01' }]);
  expect(replaced).toMatchObject({ stored: 1, labelSet: { labels: 25, positives: 11 } });
  expect((await service.labels.getPersonLabels({ userIds: ['user-0'] }, asService)).labels).toMatchObject(
    ['2011-05-01T00:00:00.000Z', '2011-06-01T00:00:00.000Z'].map((asOf) => ({ labelSet: 'Complained', value: false, asOf })),
  );
  expect(await service.labels.forgetLabels({ userIds: ['user-0', 'nobody'] }, asService)).toEqual({ labels: 2 });
  expect((await service.labels.getPersonLabels({ userIds: ['user-0'] }, asService)).labels).toEqual([]);
  const elsewhere = await house.workspace();
  expect((await service.labels.getLabelSets({ ids: [place.setId] }, elsewhere.call)).labelSets).toEqual([]);
  await service.labels.deleteLabelSet({ id: place.setId }, place.call);
  expect(peers.dropped).toContain(place.setId);
  expect(await house.rows('select 1 from training.labels where workspace_id = $1', [place.workspaceId])).toEqual([]);
});
