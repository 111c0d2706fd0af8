import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { ArtifactStore } from '#libs/artifacts';
import type { access } from '#libs/contracts';
import type { Position } from '#libs/database';

import { checkedFile, rowsOf } from '../archive/archive.file.js';
import { literal, Scratch, type ScratchOptions } from '../scratch/scratch.js';
import { shardQuery } from './snapshot.columns.js';
import { type Manifest, type ManifestFacts, manifestOf, type Shard } from './snapshot.manifest.js';
import { type Profile, profileProperties } from './snapshot.profile.js';
import type { ArchivedFile, SnapshotRepository } from './snapshot.repository.js';

const SLICE_BYTES = 128 * 1024 * 1024;
/** Bytes of events as text that one shard holds at most, about. */
const SHARD_BYTES = 256 * 1024 * 1024;
const MOST_SHARDS = 512;
/** Longest event that a file may bring, and room around it. */
const MOST_LINE_BYTES = 8 * 1024 * 1024;

export interface ExportOptions {
  readonly workspaceId: string;
  readonly snapshotId: string;
  readonly position: Position;
  readonly events: number;
  readonly settings: access.WorkspaceSettings;
  readonly scratch: ScratchOptions;
  readonly artifacts: ArtifactStore;
  /** Events as good as written, of `events`. */
  readonly report: (events: number) => void;
}

/** Writes a snapshot (docs/snapshot.md). Whoever sees its manifest sees all of it. */
export async function exportSnapshot(repository: SnapshotRepository, options: ExportOptions): Promise<Manifest> {
  const scratch = await Scratch.open(options.scratch);
  try {
    const bytes = await load(repository, scratch, options);
    const facts = await factsOf(scratch, options);
    const profile = await profileProperties(scratch, facts.events);
    const shards = await writeShards(scratch, profile, Math.min(Math.max(Math.ceil(bytes / SHARD_BYTES), 1), MOST_SHARDS), options);
    const manifest = manifestOf(facts, profile, shards);
    await options.artifacts.write({ ...placeOf(options), name: 'manifest.json' }, Readable.from(JSON.stringify(manifest, null, 1)));
    return manifest;
  } finally {
    await scratch.close();
  }
}

/** Archives and Postgres to scratch, the latter by way of CSV slices. Half of the work, as progress goes. */
async function load(repository: SnapshotRepository, scratch: Scratch, { workspaceId, position, events, artifacts, report }: ExportOptions): Promise<number> {
  await scratch.run(`CREATE TABLE raw (
    customer UUID, subject UUID, occurred_at TIMESTAMPTZ, received_at TIMESTAMPTZ, sequence BIGINT, name VARCHAR, properties JSON)`);
  let bytes = 0;
  const loaded = async () => {
    const [row] = await scratch.rows<{ rows: string }>('SELECT count(*) AS rows FROM raw');
    report(Math.min(Number(row?.rows), events) / 2);
  };
  const archives = async (archived: readonly ArchivedFile[], subjects: string) => {
    const files = await Promise.all(archived.map((file) => checkedFile(artifacts, file)));
    await loadArchives(scratch, files, subjects, position);
    const [row] = await scratch.rows<{ bytes: string }>('SELECT coalesce(sum(strlen(properties::VARCHAR) + strlen(name) + 160), 0) AS bytes FROM raw');
    bytes += Number(row?.bytes);
    await loaded();
  };
  const slice = async (file: string) => {
    bytes += (await stat(file)).size;
    await scratch.run(`INSERT INTO raw SELECT customer, subject, occurred_at, received_at, sequence, json_extract_string(name, '$'), properties
      FROM read_csv(${literal(file)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', max_line_size = ${MOST_LINE_BYTES}, columns = {
        'customer': 'UUID', 'subject': 'UUID', 'occurred_at': 'TIMESTAMPTZ', 'received_at': 'TIMESTAMPTZ', 'sequence': 'BIGINT', 'name': 'VARCHAR', 'properties': 'JSON'})`);
    await rm(file);
    await loaded();
  };
  await repository.copyOut(workspaceId, position, (part) => join(scratch.folder, `slice-${part}.csv`), SLICE_BYTES, { archives, slice });
  return bytes;
}

/** Behaviour events of archives up to a position, each with the customer that its subject belongs to there. */
async function loadArchives(scratch: Scratch, files: readonly string[], subjects: string, { horizon, sequence }: Position): Promise<void> {
  await scratch.run(`INSERT INTO raw
    SELECT m.customer, e.subject_id, e.occurred_at, e.received_at, e.sequence, e.name, e.properties::JSON
    FROM ${rowsOf(files)} e
    JOIN read_csv(${literal(subjects)}, header = false, auto_detect = false, columns = {'subject': 'UUID', 'customer': 'UUID'}) m ON m.subject = e.subject_id
    WHERE e.type IN ('track', 'page', 'screen') AND (e.horizon, e.sequence) <= (${BigInt(horizon)}, ${BigInt(sequence)})`);
  await rm(subjects);
}

async function factsOf(scratch: Scratch, { workspaceId, snapshotId, position, settings }: ExportOptions): Promise<ManifestFacts> {
  const [row] = await scratch.rows<{ events: string; customers: string; first: string; last: string }>(
    'SELECT count(*) AS events, count(DISTINCT customer) AS customers, epoch_us(min(occurred_at)) AS first, epoch_us(max(occurred_at)) AS last FROM raw',
  );
  const names = await scratch.rows<{ name: string; events: string }>('SELECT name, count(*) AS events FROM raw GROUP BY name ORDER BY count(*) DESC, name');
  if (!row) throw new Error('an aggregate without a row');
  return {
    workspaceId, snapshotId, position, settings,
    wallClock: new Date(),
    events: Number(row.events),
    customers: Number(row.customers),
    firstOccurredAt: Number(row.first),
    lastOccurredAt: Number(row.last),
    names: names.map(({ name, events }) => ({ name, events: Number(events) })),
  };
}

const placeOf = ({ workspaceId, snapshotId }: ExportOptions) => ({ workspaceId, area: 'snapshots', id: snapshotId }) as const;

/** Each is made beside the store, put into it, and removed: no more than one lies here. */
async function writeShards(scratch: Scratch, profile: Profile, count: number, options: ExportOptions): Promise<Shard[]> {
  await scratch.run(`ALTER TABLE raw ADD COLUMN shard INTEGER`);
  await scratch.run(count === 1 ? 'UPDATE raw SET shard = 0' : `UPDATE raw SET shard = (hash(customer) % ${count})::INTEGER`);
  const sizes = await scratch.rows<{ shard: number; rows: string; customers: string }>(
    'SELECT shard, count(*) AS rows, count(DISTINCT customer) AS customers FROM raw GROUP BY shard ORDER BY shard',
  );
  const shards: Shard[] = [];
  let written = 0;
  for (const { shard, rows, customers } of sizes) {
    const path = `events-${String(shards.length).padStart(3, '0')}.parquet`;
    const file = join(scratch.folder, path);
    await scratch.run(`COPY (${shardQuery(profile, shard)}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`);
    const { sha256 } = await options.artifacts.write({ ...placeOf(options), name: path }, createReadStream(file));
    await rm(file);
    shards.push({ path, sha256, rows: Number(rows), customers: Number(customers) });
    options.report(options.events / 2 + (written += Number(rows)) / 2);
  }
  return shards;
}
