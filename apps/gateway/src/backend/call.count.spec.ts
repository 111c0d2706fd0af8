// Of every field of every type that a list leads to, at any depth: many objects cost as many calls as few, and a list that is asked for no rows has none. Made from the SDL, so that a new field is asked too.
import { readdirSync, readFileSync } from 'node:fs';

import { buildSchema, getNamedType, type GraphQLField, type GraphQLObjectType, getNullableType, isLeafType, isListType, isNonNullType, isObjectType } from 'graphql';

import { exporting, identity, ingestion, label, prediction, quarantine, serving, similar, trackingPlan, unusual, webhook } from '#libs/contracts';

import { ASKS_THE_MODEL, FINDS_OUT } from '../admission/limit.js';
import { AT, id, KEYS, model, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

type Field = GraphQLField<unknown, unknown>;
/** Fields from a list of the query down to a type. */
type Path = readonly Field[];

const FOLDER = 'apps/gateway/schema';
const schema = buildSchema(readdirSync(FOLDER).map((file) => readFileSync(`${FOLDER}/${file}`, 'utf8')).join('\n'));
const ROOTS = ['customers', 'segments', 'models', 'trainingRuns', 'webhooks', 'exports', 'exportSchedules', 'labelSets', 'unusualCustomers', 'rejectedEventGroups'];
const [FEW, MANY] = [1, 2];

/** Types of which there is one a question here, or none: nothing is fetched for the fields of any. */
const ALONE = [
  'CalibrationBin', 'ConditionFinding', 'CustomerKey', 'Download', 'ExampleCloseness', 'FileColumn', 'HeadEvaluation', 'HeadStanding', 'NumberEvaluation', 'NumberStanding', 'NumberSummary', 'PageInfo', 'RejectedEventGroups', 'RunError', 'RunStep', 'SegmentCondition', 'SegmentRule',
  'SegmentTrait', 'TrainingObjective',
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

let last = 0;
/** A number of its own for each row: nothing is asked for twice because it is the same. */
const next = (most: number) => (last = (last % most) + 1);
const someone = () => id('customer', next(30));
const something = () => id('run', next(1_000));
const segment = () => id('segment', next(4));
/** Of every segment. */
let kind = serving.SegmentKind.LEARNED;

/** As services do it: 0 is as many as usual. */
const usually = (first: number) => first || MANY;

/** Rows of lists that the fake has none of, as many as are asked for. */
const ROWS: Record<string, [name: string, row: () => object]> = {
  listModels: ['models', () => ({ ...model(id('model', next(1_000))), runId: something() })],
  listWebhooks: ['webhooks', () => webhook.Webhook.fromPartial({ id: something(), createdAt: AT, segmentIds: [segment()] })],
  listExports: ['exports', () => exporting.Export.fromPartial({ id: something(), createdAt: AT, scheduleId: something(), segmentId: segment(), manifest: { asOf: AT, versionAt: AT, modelId: something() } })],
  listExportSchedules: ['schedules', () => exporting.ExportSchedule.fromPartial({ id: something(), createdAt: AT, segmentId: segment() })],
  listLabelSets: ['labelSets', () => label.LabelSet.fromPartial({ id: something(), createdAt: AT, servedHeadId: something() })],
  listUnusualCustomers: ['customers', () => unusual.UnusualCustomer.fromPartial({ customerId: someone(), since: AT })],
  listRejectedEventGroups: ['groups', () => quarantine.RejectedEventGroup.fromPartial({ firstSeenAt: AT, lastSeenAt: AT, source: `import:${something()}`, example: { id: something(), receivedAt: AT, payload: '{}' } })],
  listTrackingPlanViolations: ['violations', () => trackingPlan.TrackingPlanViolation.fromPartial({ event: 'Order Completed', firstHour: AT, lastHour: AT })],
};

/** A page of its own for each of many. */
const PAGES: Record<string, [ids: string, answer: string, id: string, name: string, row: () => object]> = {
  listMembersOfSegments: ['segmentIds', 'segments', 'segmentId', 'members', () => serving.SegmentMember.fromPartial({ customerId: someone() })],
  listVersionsOfSegments: ['segmentIds', 'segments', 'segmentId', 'versions', () => serving.SegmentVersion.fromPartial({ modelId: something(), createdAt: AT })],
  listSegmentsOfModels: ['modelIds', 'models', 'modelId', 'segments', () => segmentOf(segment())],
  listHeadsOfLabelSets: ['labelSetIds', 'labelSets', 'labelSetId', 'heads', () => label.Head.fromPartial({ id: something(), createdAt: AT, asOf: AT, labelSetId: something(), modelId: something() })],
  listMergesOfCustomers: ['customerIds', 'customers', 'customerId', 'merges', () => identity.CustomerMerge.fromPartial({ id: something(), fromCustomerId: someone(), intoCustomerId: someone(), occurredAt: AT, mergedAt: AT })],
  listDeliveriesOfWebhooks: ['webhookIds', 'webhooks', 'webhookId', 'deliveries', () => webhook.WebhookDelivery.fromPartial({ id: something(), createdAt: AT, customerId: someone(), segmentId: segment(), body: '{}' })],
  listExportsOfSchedules: ['scheduleIds', 'schedules', 'scheduleId', 'exports', () => exporting.Export.fromPartial({ id: something(), createdAt: AT, scheduleId: something(), segmentId: segment(), manifest: { asOf: AT, versionAt: AT, modelId: something() } })],
  listEventsOfCustomers: ['customerIds', 'customers', 'customerId', 'events', () => ingestion.Event.fromPartial({ id: something(), type: 'track', name: 'Order Completed', occurredAt: AT, receivedAt: AT, properties: '{}' })],
  listChangesOfCustomers: ['customerIds', 'customers', 'customerId', 'changes', () => serving.MembershipChange.fromPartial({ customerId: someone(), fromSegmentId: segment(), toSegmentId: segment(), at: AT, decidedAt: AT, modelId: something() })],
};

function answerLists(): void {
  for (const [method, [name, row]] of Object.entries(ROWS)) {
    gateway.services.replace(method, ({ page, first = page?.first ?? MANY }: { page?: { first: number }; first?: number }) => ({
      [name]: Array.from({ length: usually(first) }, row), pageInfo: { endCursor: '', hasNextPage: false, totalCount: first }, totalCount: first,
    }));
  }
  for (const [method, [ids, answer, own, name, row]] of Object.entries(PAGES)) {
    gateway.services.replace(method, (request: { page?: { first: number } }) => ({
      [answer]: (request as unknown as Record<string, string[]>)[ids]?.map((of) => ({ [own]: of, [name]: Array.from({ length: usually(request.page?.first ?? MANY) }, row), pageInfo: { endCursor: '', hasNextPage: false, totalCount: 0 } })),
    }));
  }
  gateway.services.replace('listSimilarToCustomers', ({ customerIds, first }: similar.ListSimilarToCustomersRequest) => ({
    customers: customerIds.map((customerId) => ({ customerId, neighbours: Array.from({ length: usually(first) }, () => similar.SimilarCustomer.fromPartial({ customerId: someone() })) })),
  }));
  gateway.services.replace('listLookAlikes', ({ first }: similar.ListLookAlikesRequest) => ({
    customers: Array.from({ length: usually(first) }, () => ({ customerId: someone(), similarity: 0.9 })), seeds: 1, search: undefined,
  }));
  const predicted = () => prediction.Prediction.fromPartial({ labelSetId: something(), headId: something(), asOf: AT });
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({
    segments: ids.map((segmentId) => ({ ...segmentOf(segmentId), kind, lineage: [serving.SegmentLineage.fromPartial({ modelId: something(), at: AT, relatedSegmentIds: [segment()] })] })),
    basis: { asOf: AT, modelId: id('model', 1), placed: 1, unseen: 0 },
  }));
  gateway.services.replace('getLabelSets', ({ ids }: label.GetLabelSetsRequest) => ({ labelSets: ids.map((setId) => label.LabelSet.fromPartial({ id: setId, createdAt: AT })) }));
  gateway.services.replace('getHeads', ({ ids }: label.GetHeadsRequest) => ({ heads: ids.map((headId) => label.Head.fromPartial({ id: headId, createdAt: AT, asOf: AT, labelSetId: something(), modelId: something() })) }));
  gateway.services.replace('getPredictions', ({ customerIds }: prediction.GetPredictionsRequest) => ({ customers: customerIds.map((customerId) => ({ customerId, predictions: [predicted(), { ...predicted(), number: prediction.SaidNumber.fromPartial({}) }] })) }));
}

const isAskable = ({ args }: Field) => args.every(({ type, defaultValue }) => !isNonNullType(type) || defaultValue !== undefined);

function objectOf({ type }: Field): GraphQLObjectType | undefined {
  const named = getNamedType(type);
  return isObjectType(named) ? named : undefined;
}

const asked = (field: Field, first: number) => (field.args.some(({ name }) => name === 'first') ? `${field.name}(first: ${first})` : field.name);

/** The shortest way to each type, by rows rather than by edges. */
function pathsFrom(roots: readonly Field[]): Map<GraphQLObjectType, Path> {
  const paths = new Map<GraphQLObjectType, Path>();
  const rowsOf = (root: Field) => Object.values(objectOf(root)?.getFields() ?? {}).filter(({ name }) => name === 'nodes' || name === 'groups');
  const waiting: Path[] = [...roots.flatMap((root) => rowsOf(root).map((rows) => [root, rows])), ...roots.map((root) => [root])];
  for (let path = waiting.shift(); path; path = waiting.shift()) {
    const [type] = path.slice(-1).map(objectOf);
    if (!type || paths.has(type)) continue;
    paths.set(type, path);
    const fields = Object.values(type.getFields()).filter((field) => isAskable(field) && objectOf(field));
    waiting.push(...fields.toSorted((one, other) => Number(one.name === 'edges') - Number(other.name === 'edges')).map((field) => [...path, field]));
  }
  return paths;
}

/** The fields of a type that are values, asked together, and those that are objects, with the least that can be asked of them. */
function partsOf(type: GraphQLObjectType): { values: string; objects: { name: string; text: string }[] } {
  const fields = Object.values(type.getFields()).filter(isAskable);
  const values = fields.filter((field) => isLeafType(getNamedType(field.type))).map((field) => asked(field, FEW)).join(' ');
  return { values, objects: fields.filter((field) => objectOf(field)).map((field) => ({ name: `${type.name}.${field.name}`, text: `${asked(field, FEW)} { __typename }` })) };
}

/** The list whose rows the objects of a path are, or belong to. */
function listOf(path: Path): number {
  const isList = ({ args, type }: Field, at: number) => args.some(({ name }) => name === 'first') && (at < path.length - 1 || isListType(getNullableType(type)));
  return Math.max(0, path.findLastIndex(isList));
}

async function ask(path: Path, part: string, rows: number): Promise<{ calls: number; reached: number }> {
  const grown = listOf(path);
  const query = path.reduceRight((inner, field, at) => `${asked(field, at === grown ? rows : FEW)} { ${inner} }`, `reached: __typename ${part}`);
  gateway.services.reset();
  answerLists();
  const { body } = await gateway.ask(`{ ${query} }`, {}, KEYS.admin);
  // Whoever could not be answered whole may still have calls under way.
  if (body.errors) await gateway.ask('{ viewer { role } }', {}, KEYS.admin);
  expect(body.errors?.filter(({ extensions }) => String(extensions['code']).startsWith('QUERY_')) ?? []).toEqual([]);
  return { calls: gateway.services.calls.length, reached: JSON.stringify(body).split('"reached"').length - 1 };
}

const growth = async (path: Path, part: string) => (await ask(path, part, MANY)).calls - (await ask(path, part, FEW)).calls;

test('nothing costs a call for each object but what asks the model, as its price says', async () => {
  const [costly, alone] = [new Set<string>(), new Set<string>()];
  for (const [type, path] of pathsFrom(ROOTS.flatMap((name) => schema.getQueryType()?.getFields()[name] ?? []))) {
    const [many, few] = [await ask(path, '', MANY), await ask(path, '', FEW)];
    if (many.reached < MANY) alone.add(type.name);
    // A call for each object is there each time.
    const grows = async (part: string) => (await growth(path, part)) > many.calls - few.calls && (await growth(path, part)) > many.calls - few.calls;
    const { values, objects } = partsOf(type);
    if (values !== '' && (await grows(values))) costly.add(`${type.name}: ${values}`);
    if (objects.length === 0 || !(await grows(objects.map(({ text }) => text).join(' ')))) continue;
    for (const { name, text } of objects) if (await grows(text)) costly.add(name);
  }
  expect([...costly].toSorted()).toEqual([ASKS_THE_MODEL]);
  expect([...alone].filter((name) => !name.endsWith('Connection')).toSorted()).toEqual(ALONE.toSorted());
}, 60_000);

test.each([['MembershipExplanation.conditions', 'RULE'], ['MembershipExplanation.closeness', 'EXAMPLE']] as const)('%s costs a call for each membership, as its price says', async (name, of) => {
  const path = pathsFrom(ROOTS.flatMap((root) => schema.getQueryType()?.getFields()[root] ?? [])).get(schema.getType('MembershipExplanation') as GraphQLObjectType);
  kind = serving.SegmentKind[of];
  try {
    const [, field = ''] = name.split('.');
    expect([await growth(path ?? [], ''), await growth(path ?? [], `${field} { __typename }`)]).toEqual([0, MANY - FEW]);
    expect(FINDS_OUT).toContain(name);
  } finally {
    kind = serving.SegmentKind.LEARNED;
  }
});

/** Rows of a list, wherever its answer holds them. */
function rowsIn(answer: unknown): number {
  const lists = Array.isArray(answer) ? [answer] : Object.values(answer ?? {}).filter(Array.isArray);
  return Math.max(0, ...lists.map(({ length }) => length));
}

test('a list that is asked for no rows has none', async () => {
  const query = schema.getQueryType();
  const paths: [string, Path][] = [...pathsFrom(ROOTS.flatMap((name) => query?.getFields()[name] ?? []))].map(([type, path]) => [type.name, path]);
  const [shown, ignored] = [[] as string[], [] as string[]];
  for (const [name, path] of [['Query', []] as [string, Path], ...paths]) {
    const type = path.length === 0 ? query : objectOf(path.at(-1) as Field);
    for (const field of Object.values(type?.getFields() ?? {}).filter(isAskable)) {
      const size = field.args.find(({ name: argument }) => argument === 'first' || argument === 'sample')?.name;
      if (!size) continue;
      const lists = isListType(getNullableType(field.type)) ? [] : Object.values(objectOf(field)?.getFields() ?? {}).filter(({ type: of }) => isListType(getNullableType(of)));
      const inner = lists.length > 0 ? lists.map((list) => `${list.name} { __typename }`).join(' ') : '__typename';
      const rows = async (many: number) => {
        const wanted = `asked: ${field.name}(${size}: ${many}) { ${inner} }`;
        const { body } = await gateway.ask(`{ ${path.reduceRight((text, step) => `${asked(step, FEW)} { ${text} }`, wanted)} }`, {}, KEYS.admin);
        const found: number[] = [];
        JSON.stringify(body.data, (key, value) => (key === 'asked' && found.push(rowsIn(value)), value));
        return Math.max(0, ...found);
      };
      gateway.services.reset();
      answerLists();
      if ((await rows(FEW)) > 0) shown.push(`${name}.${field.name}`);
      if ((await rows(0)) > 0) ignored.push(`${name}.${field.name}`);
    }
  }
  expect(ignored).toEqual([]);
  expect(shown).toEqual(expect.arrayContaining(['Query.customers', 'Query.lookAlikes', 'Query.customerMap', 'Query.trackingPlanViolations', 'Customer.similar', 'Customer.recommendations', 'Customer.events']));
}, 60_000);
