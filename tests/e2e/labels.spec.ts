// docs/labels.md: a few labels, from the list to what everybody's probability is.
import { api, ready, until } from './ready.ts';

interface Head {
  id: string;
  state: string;
  progress: number;
  step: string | null;
  error: string | null;
  isServed: boolean;
  asOf: string | null;
  evaluation: {
    labels: number; positives: number; verdict: string; sentence: string; calibrationError: number; tunedEpochs: number;
    standings: { subject: string; auc: number; low: number; high: number; isRival: boolean }[];
  } | null;
}
interface Added {
  addLabels: { __typename: string; stored: number; leftOut: number; problems: { line: number; userId: string | null; reason: string; message: string }[]; labelSet: { labelCount: number; positiveCount: number } };
}

const HEAD = `id state progress step error isServed asOf evaluation { labels positives verdict sentence calibrationError tunedEpochs standings { subject auc low high isRival } }`;
const ADD = `mutation($input: AddLabelsInput!) { addLabels(input: $input) { __typename ... on Failure { code message }
  ... on LabelsAdded { stored leftOut problems { line userId reason message } labelSet { labelCount positiveCount } } } }`;
const TRAIN = `mutation($input: TrainHeadInput!) { trainHead(input: $input) { __typename ... on Failure { code message } ... on LabelHead { id state } ... on HeadActive { head { id } } } }`;

const made: string[] = [];
/** Members of the two largest segments: who is in the first is what the labels say. */
let yes: string[];
let no: string[];

async function labelSet(name: string, kind = 'BINARY'): Promise<string> {
  const { createLabelSet } = await api().ask<{ createLabelSet: { __typename: string; id: string } }>(
    'mutation($name: String!, $kind: LabelKind!) { createLabelSet(input: { name: $name, kind: $kind }) { __typename ... on LabelSet { id } ... on Failure { message } } }',
    { name: `${name} ${Date.now()}`, kind },
  );
  expect(createLabelSet.__typename).toBe('LabelSet');
  made.push(createLabelSet.id);
  return createLabelSet.id;
}
const head = async (id: string) => (await api().ask<{ labelHead: Head }>(`query($id: ID!) { labelHead(id: $id) { ${HEAD} } }`, { id })).labelHead;
const train = async (input: object) => (await api().ask<{ trainHead: { __typename: string; id: string; code?: string; head?: { id: string } } }>(TRAIN, { input })).trainHead;
const ended = (id: string) => until(() => head(id), ({ state }) => state !== 'QUEUED' && state !== 'RUNNING', 240_000);
const labelsOf = (users: readonly string[], value: boolean) => users.map((userId) => ({ userId, value }));

async function upload(fileName: string, content: string): Promise<string> {
  const { createUpload } = await api().ask<{ createUpload: { id: string; url: string } }>(
    'mutation($input: CreateUploadInput!) { createUpload(input: $input) { ... on Upload { id url } } }',
    { input: { fileName } },
  );
  const response = await fetch(new URL(createUpload.url, ready().graphql), { method: 'PUT', body: content });
  expect(response.status).toBe(201);
  return createUpload.id;
}

beforeAll(async () => {
  const { segments } = await api().ask<{ segments: { nodes: { size: number; members: { nodes: { userId: string | null }[] } }[] } }>(
    '{ segments(kind: LEARNED, first: 50) { nodes { size members(first: 100) { nodes { userId } } } } }',
  );
  const [first, second] = segments.nodes.toSorted((one, other) => other.size - one.size).map(({ members }) => members.nodes.flatMap(({ userId }) => (userId === null ? [] : [userId])));
  if (!first || !second || Math.min(first.length, second.length) < 40) throw new Error('the shop has too few customers in two segments');
  [yes, no] = [first, second];
});

afterAll(async () => {
  for (const id of made) await api().ask('mutation($id: ID!) { deleteLabelSet(id: $id) { __typename } }', { id });
});

test('labels of a list and of a file become everyone’s probability, judged beside what hand-made features give', async () => {
  const id = await labelSet('In the first segment');
  const listed = await api().ask<Added>(ADD, { input: { labelSetId: id, labels: [...labelsOf(yes.slice(0, 20), true), ...labelsOf(['nobody-at-all', yes[0]!], false)] } });
  expect(listed.addLabels).toMatchObject({ stored: 20, leftOut: 2, problems: [{ line: 21, userId: 'nobody-at-all', reason: 'CUSTOMER_UNKNOWN' }, { line: 22, userId: yes[0], reason: 'DUPLICATE' }] });
  const lines = ['user_id,label', ...yes.slice(20, 30).map((user) => `${user},yes`), ...no.slice(0, 30).map((user) => `${user},0`), `${no[30]},perhaps`, 'a-stranger,1'];
  const filed = await api().ask<Added>(ADD, { input: { labelSetId: id, uploadId: await upload('labels.csv', `${lines.join('\n')}\n`) } });
  expect(filed.addLabels).toMatchObject({ stored: 40, leftOut: 2, labelSet: { labelCount: 60, positiveCount: 30 } });
  expect(filed.addLabels.problems).toMatchObject([
    { line: 42, userId: no[30], reason: 'VALUE_INVALID', message: 'The value "perhaps" is neither yes nor no; write 1 or 0.' },
    { line: 43, userId: 'a-stranger', reason: 'CUSTOMER_UNKNOWN' },
  ]);

  const started = await train({ labelSetId: id });
  expect(started.__typename).toBe('LabelHead');
  expect(await train({ labelSetId: id })).toMatchObject({ __typename: 'HeadActive', head: { id: started.id } });
  const learned = await ended(started.id);
  expect(learned).toMatchObject({ state: 'SUCCEEDED', error: null, progress: 1, isServed: true });
  const evaluation = learned.evaluation!;
  expect(evaluation).toMatchObject({ labels: 60, positives: 30, tunedEpochs: 0 });
  expect(evaluation.standings.map(({ subject }) => subject)).toEqual(['head', 'forecast', 'rfm', 'aggregates', 'aggregates, boosted']);
  expect(evaluation.standings[0]!.auc).toBeGreaterThan(0.8);
  expect(evaluation.sentence).toContain('area under the ROC curve');

  const { customers, set } = await api().ask<{
    customers: { nodes: { predictions: { probability: number; isLive: boolean; asOf: string; head: { id: string }; labelSet: { id: string } }[] }[] };
    set: { servedHead: { id: string } };
  }>(`query($id: ID!) { customers(first: 100) { nodes { predictions { probability isLive asOf head { id } labelSet { id } } } } set: labelSet(id: $id) { servedHead { id } } }`, { id });
  expect(set.servedHead.id).toBe(started.id);
  const said = customers.nodes.map(({ predictions }) => predictions.find((one) => one.labelSet.id === id));
  expect(said.every((one) => one?.head.id === started.id && one.isLive && Date.parse(one.asOf) >= Date.parse(learned.asOf ?? ''))).toBe(true);
  // Of customers without a label: who is in the first segment is far likelier to be said to be.
  const mean = async (users: readonly string[]) => {
    const answers = await Promise.all(users.map((userId) => api().ask<{ customer: { predictions: { probability: number; labelSet: { id: string } }[] } }>(
      'query($userId: String!) { customer(userId: $userId) { predictions { probability labelSet { id } } } }', { userId },
    )));
    return answers.reduce((sum, { customer }) => sum + (customer.predictions.find((one) => one.labelSet.id === id)?.probability ?? Number.NaN), 0) / users.length;
  };
  expect(await mean(yes.slice(30, 40))).toBeGreaterThan((await mean(no.slice(31, 40))) + 0.3);
}, 300_000);

test('somebody who came after a head was learned has a probability by it as soon as they are scored', async () => {
  const userId = `came-later-${Date.now()}`;
  await api().ask('mutation($input: TrackEventsInput!) { trackEvents(input: $input) { stored } }', { input: { events: [{ event: 'Product Viewed', userId }] } });
  const { customer } = await until(
    () => api().ask<{ customer: { predictions: { isLive: boolean; probability: number; labelSet: { id: string } }[] } | null }>(
      'query($userId: String!) { customer(userId: $userId) { predictions { isLive probability labelSet { id } } } }', { userId },
    ),
    (answer) => (answer.customer?.predictions.length ?? 0) > 0,
    30_000,
  );
  expect(customer?.predictions).toEqual([{ isLive: true, probability: expect.any(Number), labelSet: { id: made[0] } }]);
}, 60_000);

test('a head on a tuned encoder can be stopped within seconds, and what was served stays', async () => {
  const [id] = made;
  const { labelSet: before } = await api().ask<{ labelSet: { servedHead: { id: string } } }>('query($id: ID!) { labelSet(id: $id) { servedHead { id } } }', { id });
  const started = await train({ labelSetId: id, encoder: 'FINE_TUNED', epochs: 200 });
  await until(() => head(started.id), ({ state, progress }) => state === 'RUNNING' && progress > 0.15, 60_000);
  const asked = Date.now();
  await api().ask('mutation($id: ID!) { cancelHead(id: $id) { __typename } }', { id: started.id });
  expect((await ended(started.id)).state).toBe('CANCELLED');
  expect(Date.now() - asked).toBeLessThan(15_000);
  const { labelSet: after } = await api().ask<{ labelSet: { servedHead: { id: string } } }>('query($id: ID!) { labelSet(id: $id) { servedHead { id } } }', { id });
  expect(after.servedHead.id).toBe(before.servedHead.id);
}, 120_000);

test('a head on a tuned encoder is judged the same way', async () => {
  const started = await train({ labelSetId: made[0], encoder: 'FINE_TUNED', epochs: 5 });
  const learned = await ended(started.id);
  expect(learned).toMatchObject({ state: 'SUCCEEDED', error: null, isServed: true });
  expect(learned.evaluation!.standings[0]!.auc).toBeGreaterThan(0.8);
  // Nobody keeps states of a tuned encoder: what it says is as of when it was learned, and says so.
  const { customer } = await api().ask<{ customer: { predictions: { isLive: boolean; asOf: string; head: { id: string } }[] } }>(
    'query($userId: String!) { customer(userId: $userId) { predictions { isLive asOf head { id } } } }', { userId: yes[1] },
  );
  const isTuned = learned.evaluation!.tunedEpochs > 0;
  const [said] = customer.predictions;
  expect(said).toMatchObject({ isLive: !isTuned, head: { id: started.id } });
  if (isTuned) expect(Date.parse(said!.asOf)).toBe(Date.parse(learned.asOf!));
}, 300_000);

test('labels that are numbers become everyone’s number with its interval, beside probabilities and not among them', async () => {
  const id = await labelSet('Visits to come', 'NUMERIC');
  const numbers = (users: readonly string[], number: number) => users.map((userId, index) => ({ userId, number: number + index / 100 }));
  const listed = await api().ask<Added>(ADD, { input: { labelSetId: id, labels: [...numbers(yes.slice(0, 30), 12), { userId: no[0], value: true }] } });
  expect(listed.addLabels).toMatchObject({ stored: 30, leftOut: 1, problems: [{ line: 31, userId: no[0], reason: 'VALUE_INVALID', message: expect.stringContaining('is no number') }] });
  const lines = ['userId,value', ...no.slice(0, 30).map((user) => `${user},2.5`), `${no[30]},many`];
  const filed = await api().ask<Added>(ADD, { input: { labelSetId: id, uploadId: await upload('numbers.csv', `${lines.join('\n')}\n`) } });
  expect(filed.addLabels).toMatchObject({ stored: 30, leftOut: 1, labelSet: { labelCount: 60, positiveCount: 0 }, problems: [{ line: 32, reason: 'VALUE_INVALID' }] });

  const started = await train({ labelSetId: id });
  expect(await ended(started.id)).toMatchObject({ state: 'SUCCEEDED', error: null, isServed: true, evaluation: null });
  const { labelHead } = await api().ask<{ labelHead: { numberEvaluation: { labels: number; sentence: string; below: number; above: number; standings: { subject: string; rmse: number; r2: number }[] } } }>(
    'query($id: ID!) { labelHead(id: $id) { numberEvaluation { labels sentence below above standings { subject rmse r2 } } } }', { id: started.id },
  );
  const { standings, sentence, below, above } = labelHead.numberEvaluation;
  expect(standings.map(({ subject }) => subject)).toEqual(['head', 'mean', 'rfm', 'aggregates', 'aggregates, boosted']);
  expect(standings[0]!.rmse).toBeLessThan(standings[1]!.rmse);
  expect(sentence).toContain('root mean square error');
  // Of customers without a label, live.
  const said = async (userId: string) => {
    const { customer } = await api().ask<{ customer: { predictions: { labelSet: { id: string } }[]; numberPredictions: { number: number; low: number; high: number; isLive: boolean; labelSet: { id: string; kind: string } }[] } }>(
      'query($userId: String!) { customer(userId: $userId) { predictions { labelSet { id } } numberPredictions { number low high isLive labelSet { id kind } } } }', { userId },
    );
    expect(customer.predictions.map(({ labelSet: set }) => set.id)).not.toContain(id);
    const [one] = customer.numberPredictions;
    expect(one).toMatchObject({ isLive: true, labelSet: { id, kind: 'NUMERIC' } });
    // Nothing goes further than labels do.
    const within = (value: number) => Math.min(Math.max(value, 2.5), 12.29);
    expect(one!.low).toBeCloseTo(within(one!.number + below), 3);
    expect(one!.high).toBeCloseTo(within(one!.number + above), 3);
    return one!.number;
  };
  expect(await said(yes[35]!)).toBeGreaterThan(await said(no[35]!));
}, 300_000);

test('too few labels, a label set that is none and a name that is taken are told', async () => {
  const id = await labelSet('Of a few');
  await api().ask<Added>(ADD, { input: { labelSetId: id, labels: labelsOf(yes.slice(0, 3), true) } });
  expect(await train({ labelSetId: id })).toMatchObject({ __typename: 'HeadRefused', code: 'TOO_FEW_LABELS' });
  expect(await train({ labelSetId: 'nothing' })).toMatchObject({ __typename: 'NotFound', code: 'LABEL_SET_UNKNOWN' });
  const file = await upload('labels.ndjson', '{"user":"u1","value":1}\n');
  const { addLabels } = await api().ask<{ addLabels: object }>(ADD, { input: { labelSetId: id, uploadId: file } });
  expect(addLabels).toMatchObject({ __typename: 'LabelsInvalid', code: 'COLUMN_MISSING', message: 'The file has no column userId; it has user, value.' });
});

test('whoever is erased has no label and no prediction any more', async () => {
  const gone = yes[19]!;
  const { erasePerson } = await api().ask<{ erasePerson: { id: string } }>('mutation($userId: String!) { erasePerson(person: { userId: $userId }) { ... on PersonRequest { id } } }', { userId: gone });
  const { personRequest } = await until(
    () => api().ask<{ personRequest: { state: string; receipt: { tables: { table: string; rows: number }[] } | null } }>('query($id: ID!) { personRequest(id: $id) { state receipt { tables { table rows } } } }', { id: erasePerson.id }),
    (answer) => answer.personRequest.state === 'SUCCEEDED',
    60_000,
  );
  const rows = Object.fromEntries(personRequest.receipt!.tables.map(({ table, rows: removed }) => [table, removed]));
  // Of yes or no, and a number.
  expect(rows['training.labels']).toBe(2);
  expect(rows['serving.predictions']).toBe(2);
  const { labelSet: left } = await api().ask<{ labelSet: { labelCount: number } }>('query($id: ID!) { labelSet(id: $id) { labelCount } }', { id: made[0] });
  expect(left.labelCount).toBe(59);
}, 90_000);

test('a label set is removed with what was made of it', async () => {
  const id = made.shift();
  const { deleteLabelSet } = await api().ask<{ deleteLabelSet: { __typename: string } }>('mutation($id: ID!) { deleteLabelSet(id: $id) { __typename } }', { id });
  expect(deleteLabelSet.__typename).toBe('LabelSetDeleted');
  const { customer, labelSet: left } = await api().ask<{ customer: { predictions: object[] }; labelSet: null }>(
    'query($id: ID!, $userId: String!) { labelSet(id: $id) { id } customer(userId: $userId) { predictions { labelSet { id } } } }', { id, userId: yes[1] },
  );
  expect(left).toBeNull();
  expect(customer.predictions).toEqual([]);
});
