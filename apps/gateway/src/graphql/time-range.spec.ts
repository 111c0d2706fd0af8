import * as fc from 'fast-check';
import { buildClientSchema, getIntrospectionQuery, getNamedType, type IntrospectionQuery, isObjectType, isRequiredArgument } from 'graphql';

import { AT, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { checkRange } from './time-range.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const LEDGER = 'query($from: DateTime, $to: DateTime) { eventLedger(from: $from, to: $to) { received } }';
const errorOf = async (query: string, variables?: Record<string, unknown>, key: string = KEYS.viewer) => (await gateway.ask(query, variables, key)).body.errors?.[0];

test('every range of time in the schema is refused where nothing can lie in it, before any service is asked', async () => {
  const { body } = await gateway.ask(getIntrospectionQuery());
  const fields = Object.values(buildClientSchema(body.data as IntrospectionQuery).getTypeMap())
    .filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ type: type.name, field })))
    .filter(({ field }) => field.args.some(({ name, type }) => ['from', 'to'].includes(name) && getNamedType(type).name === 'DateTime'));
  expect(fields.map(({ type, field }) => `${type}.${field.name}`).sort()).toEqual(['Query.auditEntries', 'Query.eventLedger', 'Query.trackingPlanViolations']);
  for (const { field } of fields) {
    expect(field.args.filter(isRequiredArgument)).toEqual([]);
    const asked = (range: string) => errorOf(`{ ${field.name}(${range}) { __typename } }`, undefined, KEYS.admin);
    const late = new Date(Date.now() + 3_600_000).toISOString();
    expect(await asked(`from: "${late}"`)).toMatchObject({ path: [field.name], extensions: { code: 'TIME_RANGE_INVALID' }, message: expect.stringContaining(late) as string });
    expect((await asked(`from: "${AT}"`))?.extensions['code']).not.toBe('TIME_RANGE_INVALID');
    if (!field.args.some(({ name }) => name === 'to')) continue;
    expect(await asked('from: "2026-05-02T00:00:00Z", to: "2026-05-01T00:00:00Z"')).toMatchObject({ path: [field.name], extensions: { code: 'TIME_RANGE_INVALID' } });
  }
  expect(gateway.services.count('getEventLedger')).toBe(1);
});

test('a range that was mixed up says which end is which and what to do, also to who asks the same for the hundredth time', async () => {
  const wrong = { from: '2026-05-02T00:00:00Z', to: '2026-05-01T23:00:00Z' };
  for (let time = 0; time < 5; time++) expect((await gateway.ask(LEDGER, { from: wrong.to, to: wrong.from }, KEYS.viewer)).body.errors).toBeUndefined();
  expect((await errorOf(LEDGER, wrong))?.message).toBe(
    '"from" (2026-05-02T00:00:00Z) is not before "to" (2026-05-01T23:00:00Z), so that nothing lies between them. Give an earlier "from" or a later "to", or leave one out.',
  );
});

test.each(['yesterday', '2026-05-01', '2026-05-01T00:00:00', '2026-02-30T00:00:00Z', '2025-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-05-01T24:00:00Z', '0000-01-01T00:00:00Z', '2026-05-01T00:00:00+23:00'])(
  '%s is no time, by variable and in the query, and the answer says where',
  async (from) => {
    const byVariable = await errorOf(LEDGER, { from });
    expect(byVariable).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining('$from') as string });
    const inQuery = await errorOf(`{ eventLedger(from: "${from}") { received } }`);
    expect(inQuery).toMatchObject({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' }, locations: [{ line: 1, column: 21 }] });
    for (const error of [byVariable, inQuery]) expect(error?.message).toContain(`"${from}" is no time. Write one like 2026-11-23T09:30:00Z`);
    expect(gateway.services.calls).toEqual([]);
  },
);

test.each(['2024-02-29T23:59:59.999999999Z', '2026-05-31t00:00:00z', '2026-05-01T00:00:00-09:30', '0001-01-01T00:00:00Z'])('%s is a time, and is asked for', async (from) => {
  expect(await errorOf(LEDGER, { from })).toBeUndefined();
  expect(gateway.services.calls.find(({ method }) => method === 'getEventLedger')?.request).toEqual({ from: new Date(from).toISOString(), to: undefined });
});

test('ends are compared as moments, whatever their zone', () => {
  const now = new Date('2027-01-01T00:00:00Z');
  const written = (moment: number, hours: number) =>
    `${new Date(moment + hours * 3_600_000).toISOString().slice(0, -1)}${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: now.getTime() }), fc.integer({ min: -2, max: 2 }), fc.integer({ min: -15, max: 15 }), (moment, more, hours) => {
      const check = () => checkRange({ from: written(moment, hours), to: written(moment + more, 0) }, now);
      if (more > 0) check();
      else expect(check).toThrow('is not before "to"');
    }),
  );
});
