import { ingestion } from '#libs/contracts';

import { type ImportsUnderTest, importsUnderTest } from '../testing/imports-under-test.js';
import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

const CUSTOMERS = 4_000;
const MAPPING = { customer: { column: 'who' }, time: { column: 'at' }, event: { name: 'Seen' } };
const MONTHS = `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'ingestion.events'::regclass`;

let kindred: IngestionUnderTest;
let importFile: ImportsUnderTest['importFile'];
beforeAll(async () => {
  kindred = await startIngestion();
  ({ importFile } = importsUnderTest(kindred));
  // What the import does is seen alone.
  await kindred.sql.query(`select ingestion.ensure_event_partition(moment::timestamptz) from unnest(array['2026-03-01', '2026-04-01']) as moment`);
  for (const name of ['ingestion.subjects', 'ingestion.customers', 'ingestion.subject_customers', 'ingestion.subject_attributes', ...(await months())]) {
    await kindred.sql.query(`alter table ${name} set (autovacuum_enabled = false)`);
  }
});
afterAll(() => kindred?.close());

const months = async () => (await kindred.sql.query<{ name: string }>(MONTHS)).rows.map(({ name }) => name);

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows of who is whom that Postgres reads where serving looks for each of some customers whether they have events, as rules do. */
async function rowsRead(customerIds: readonly string[]): Promise<number> {
  const look = `select a.id, (select true from ingestion.event_feed_v1 f where f.customer_id = a.id limit 1) from unnest($1::uuid[]) as a(id)`;
  await kindred.sql.query('begin');
  try {
    await kindred.sql.query('set local role kindred_serving');
    await kindred.sql.query(`select set_config('app.workspace', $1, true)`, [WORKSPACE]);
    const { rows } = await kindred.sql.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(`explain (analyze, timing off, format json) ${look}`, [customerIds]);
    const sum = (node: PlanNode): number =>
      (node['Relation Name'] === 'subject_customers' ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'] : 0) + (node.Plans ?? []).reduce((total, part) => total + sum(part), 0);
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return plan ? sum(plan) : Number.NaN;
  } finally {
    await kindred.sql.query('rollback');
  }
}

const timesMeasured = async () =>
  (await kindred.sql.query<{ name: string; times: number }>(`select relname as name, analyze_count::int as times from pg_stat_all_tables where schemaname = 'ingestion' and analyze_count > 0 order by 1`)).rows;

test('after a large import some customers are looked up by themselves, and not the whole workspace for each of them', async () => {
  const lines = Array.from({ length: CUSTOMERS }, (_, at) => [`user-${at},2026-03-${String((at % 28) + 1).padStart(2, '0')}T10:00:00Z`, `user-${at},2026-04-${String((at % 28) + 1).padStart(2, '0')}T10:00:00Z`]).flat();
  const { rows: none } = await kindred.sql.query('select from pg_stats where tablename = $1', ['subject_customers']);
  expect(none).toEqual([]);
  expect(await importFile(`who,at\n${lines.join('\n')}\n`, 'many.csv', MAPPING)).toMatchObject({ state: ingestion.ImportState.SUCCEEDED, eventsStored: 2 * CUSTOMERS });
  const { rows } = await kindred.sql.query<{ id: string }>('select customer_id as id from ingestion.subject_customers where workspace_id = $1 order by uuid_hash_extended(customer_id, 0) limit 40', [WORKSPACE]);
  const some = rows.map(({ id }) => id);
  expect(await rowsRead(some)).toBeLessThanOrEqual(some.length * 2);
  expect((await timesMeasured()).map(({ name }) => name)).toEqual(expect.arrayContaining(['customers', 'events_2026_03', 'events_2026_04', 'subject_customers', 'subjects']));
  // Of all months together, too, which autovacuum never measures; Postgres can since 18.
  const { rows: whole } = await kindred.sql.query(`select from pg_stats where schemaname = 'ingestion' and tablename = 'events' and inherited and attname = 'subject_id'`);
  const { rows: [version] } = await kindred.sql.query<{ isNew: boolean }>(`select current_setting('server_version_num')::int >= 180000 as "isNew"`);
  expect(whole).toHaveLength(version?.isNew ? 1 : 0);
  // So it is where nothing was measured: what this test would find without it.
  await kindred.sql.query('begin');
  await kindred.sql.query(`delete from pg_statistic where starelid in (select oid from pg_class where relnamespace = 'ingestion'::regnamespace)`);
  await kindred.sql.query(`update pg_class set reltuples = -1, relpages = 0 where relnamespace = 'ingestion'::regnamespace and relkind = 'r'`);
  await kindred.sql.query('commit');
  expect(await rowsRead(some)).toBeGreaterThan(some.length * CUSTOMERS * 0.3);
});

test('a small import measures nothing anew', async () => {
  await importFile(`who,at\n${Array.from({ length: CUSTOMERS }, (_, at) => `other-${at},2026-03-01T10:00:00Z`).join('\n')}\n`, 'more.csv', MAPPING);
  const before = await timesMeasured();
  expect(before.find(({ name }) => name === 'subject_customers')?.times).toBe(2);
  await importFile('who,at\nuser-1,2026-03-05T10:00:01Z\nsomebody,2026-03-05T10:00:00Z\n', 'few.csv', MAPPING);
  expect(await timesMeasured()).toEqual(before);
});

test('ingestion may have nothing else measured', async () => {
  await expect(kindred.sql.query(`select ingestion.measure_table('imports')`)).rejects.toThrow('not among the tables');
  await expect(kindred.sql.query(`select ingestion.measure_table('subjects; drop table x')`)).rejects.toThrow('not among the tables');
});
