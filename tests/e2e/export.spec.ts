// A segment's members as a file: what is fetched is what the list says.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { api, ready, until } from './ready.ts';

interface ExportNode {
  id: string;
  state: string;
  error: string | null;
  manifest: { rows: number; members: number; asOf: string; checksum: string; columns: { name: string }[]; model: { id: string } | null } | null;
  download: { url: string } | null;
}

const EXPORT = 'id state error manifest { rows members asOf checksum columns { name } model { id } } download { url }';
const MEMBERS = 'query($id: ID!, $after: String) { segment(id: $id) { members(first: 100, after: $after) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } } }';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kindred-e2e-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const exportOf = async (id: string) => (await api().ask<{ export: ExportNode }>(`query($id: ID!) { export(id: $id) { ${EXPORT} } }`, { id })).export;

async function exported(segmentId: string, format: 'CSV' | 'PARQUET'): Promise<ExportNode> {
  const { exportSegment } = await api().ask<{ exportSegment: ExportNode }>(
    `mutation($id: ID!, $format: ExportFormat!) { exportSegment(segmentId: $id, format: $format) { ... on Export { ${EXPORT} } } }`, { id: segmentId, format });
  return until(() => exportOf(exportSegment.id), ({ state }) => state !== 'QUEUED' && state !== 'RUNNING', 60_000);
}

async function listed(id: string): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const { segment }: { segment: { members: { totalCount: number; nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } } =
      await api().ask(MEMBERS, { id, after });
    ids.push(...segment.members.nodes.map((node) => node.id));
    if (!segment.members.pageInfo.hasNextPage) return { ids, total: segment.members.totalCount };
    after = segment.members.pageInfo.endCursor;
  }
}

interface Content {
  readonly names: string[];
  readonly rows: Record<string, unknown>[];
}

async function contentOf(file: string): Promise<Content> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const source = file.endsWith('.csv') ? `read_csv('${file}', header = true)` : `read_parquet('${file}')`;
    const read = await connection.runAndReadAll(`SELECT * FROM ${source}`);
    return { names: read.columnNames(), rows: read.getRowObjectsJson() };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test.each(['CSV', 'PARQUET'] as const)('a segment goes to %s, and the file, its manifest, the count and the list agree', async (format) => {
  const { segments } = await api().ask<{ segments: { nodes: { id: string }[] } }>('{ segments(first: 50) { nodes { id } } }');
  const smallest = segments.nodes.at(-1)?.id ?? '';
  const made = await exported(smallest, format);
  expect(made).toMatchObject({ state: 'SUCCEEDED', error: null });
  const response = await fetch(new URL(made.download?.url ?? '', ready().graphql));
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.status).toBe(200);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(made.manifest?.checksum);
  const file = join(folder, `members.${format.toLowerCase()}`);
  await writeFile(file, bytes);
  const content = await contentOf(file);
  expect(content.names).toEqual(made.manifest?.columns.map(({ name }) => name));
  const rows = content.rows.map((row) => String(row['customer_id']));
  for (const row of content.rows.slice(0, 5)) {
    expect(row).toMatchObject({ segment_id: smallest, model_id: made.manifest?.model?.id ?? null });
    const { node } = await api().ask<{ node: { userId: string | null } }>('query($id: ID!) { node(id: $id) { ... on Customer { userId } } }', { id: row['customer_id'] });
    expect(row['user_id']).toBe(node.userId);
  }
  expect(rows).toHaveLength(made.manifest?.rows ?? -1);
  expect(made.manifest?.rows).toBe(made.manifest?.members);
  expect(new Set(rows).size).toBe(rows.length);
  // Live events move members between the two readings; nobody else may differ.
  const { ids, total } = await listed(smallest);
  expect(ids).toHaveLength(total);
  const { segment } = await api().ask<{ segment: { size: number } }>('query($id: ID!) { segment(id: $id) { size } }', { id: smallest });
  const moved = [...new Set([...rows, ...ids])].filter((id) => rows.includes(id) !== ids.includes(id));
  for (const id of moved) {
    const { node } = await api().ask<{ node: { membershipHistory: { nodes: { at: string }[] } } }>('query($id: ID!) { node(id: $id) { ... on Customer { membershipHistory(first: 5) { nodes { at } } } } }', { id });
    const since = Date.parse(made.manifest?.asOf ?? '') - 5_000;
    expect(node.membershipHistory.nodes.some(({ at }) => Date.parse(at) >= since)).toBe(true);
  }
  expect(Math.abs(segment.size - total)).toBeLessThanOrEqual(moved.length + 2);
}, 120_000);
