/**
 * The file of an archive: Parquet, zstd, one row per event with every column of `ingestion.events`, sorted by subject,
 * time and sequence, so that a person's events lie together. JSON columns are texts as Postgres writes them.
 */
import { ArtifactError, type ArtifactStore } from '#libs/artifacts';

import { literal, type Scratch } from '../scratch/scratch.js';

/** What the copy out of Postgres writes: texts as JSON, because they may hold line breaks. */
export const CSV_COLUMNS = `id, horizon, sequence, occurred_at, subject_id, type, to_json(name), to_json(message_id), received_at, sent_at, original_at, time_clamped,
  to_json(user_id), to_json(anonymous_id), to_json(group_id), to_json(previous_id), import_id, properties, context`;

const TEXT = ['name', 'message_id', 'user_id', 'anonymous_id', 'group_id', 'previous_id'];
const TYPES: Readonly<Record<string, string>> = {
  id: 'UUID', horizon: 'BIGINT', sequence: 'BIGINT', occurred_at: 'TIMESTAMPTZ', subject_id: 'UUID', type: 'VARCHAR', name: 'JSON', message_id: 'JSON',
  received_at: 'TIMESTAMPTZ', sent_at: 'TIMESTAMPTZ', original_at: 'TIMESTAMPTZ', time_clamped: 'BOOLEAN', user_id: 'JSON', anonymous_id: 'JSON', group_id: 'JSON',
  previous_id: 'JSON', import_id: 'UUID', properties: 'VARCHAR', context: 'VARCHAR',
};
export const COLUMNS = Object.keys(TYPES);
/** Longest event that a file may bring, and room around it. */
const MOST_LINE_BYTES = 8 * 1024 * 1024;
const SORTED = 'ORDER BY subject_id, occurred_at, sequence';
const BEHAVIOUR = `type IN ('track', 'page', 'screen')`;
/** The same as the database's `ingestion.event_digest`. */
const DIGEST = `('0x' || substr(md5(concat_ws('|', id::VARCHAR, sequence, epoch_us(occurred_at), subject_id::VARCHAR, message_id, name,
  anonymous_id, previous_id, properties, context)), 1, 15))::BIGINT`;

/** What a file holds, as it was read back from it. */
export interface ArchiveMeasure {
  readonly events: string;
  readonly behaviour: string;
  readonly digest: string;
  readonly first: string | null;
  readonly last: string | null;
  /** Of its last event in the feed. */
  readonly horizon: string | null;
  readonly sequence: string | null;
  /** That its behaviour events have. */
  readonly names: readonly string[];
}

/** Ids of a person, whose events are left out and whose ids are taken out of others' events. */
export interface ForgottenIds {
  readonly subjectIds: readonly string[];
  readonly userIds: readonly string[];
  readonly anonymousIds: readonly string[];
}

/** The file of an archive on this machine, once it was seen to be as it was written. */
export async function checkedFile(artifacts: ArtifactStore, { artifact, sha256 }: { artifact: string | null; sha256: string | null }): Promise<string> {
  if (artifact === null || sha256 === null) throw new ArtifactError('MISSING', 'The archive has no file.');
  return artifacts.checkedFile(artifact, sha256);
}

export async function writeArchive(scratch: Scratch, csv: string, file: string): Promise<void> {
  const columns = Object.entries(TYPES).map(([name, type]) => `'${name}': '${type}'`).join(', ');
  const selected = Object.keys(TYPES).map((name) => (TEXT.includes(name) ? `json_extract_string(${name}, '$') AS ${name}` : name)).join(', ');
  await scratch.run(`COPY (
    SELECT ${selected} FROM read_csv(${literal(csv)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"',
      max_line_size = ${MOST_LINE_BYTES}, columns = {${columns}}) ${SORTED}
  ) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`);
}

export async function measureArchive(scratch: Scratch, file: string): Promise<ArchiveMeasure> {
  const [measure] = await scratch.rows<ArchiveMeasure>(`
    SELECT count(*) AS events, count(*) FILTER (${BEHAVIOUR}) AS behaviour, coalesce(sum(${DIGEST}), 0)::VARCHAR AS digest,
      min(occurred_at)::VARCHAR AS first, max(occurred_at)::VARCHAR AS last,
      (max((horizon, sequence)) FILTER (${BEHAVIOUR}))[1]::VARCHAR AS horizon, (max((horizon, sequence)) FILTER (${BEHAVIOUR}))[2]::VARCHAR AS sequence,
      coalesce(list(DISTINCT name) FILTER (${BEHAVIOUR}), []) AS names
    FROM ${rowsOf([file])}`);
  if (!measure) throw new Error('an aggregate without a row');
  return measure;
}

export const rowsOf = (files: readonly string[]) => `read_parquet([${files.map(literal).join(', ')}])`;
const listOf = (values: readonly string[], type = 'VARCHAR') => `[${values.map(literal).join(', ')}]::${type}[]`;
const isOf = ({ subjectIds }: ForgottenIds) => `coalesce(list_contains(${listOf(subjectIds, 'UUID')}, subject_id), false)`;
const carries = (column: string, ids: readonly string[]) => `coalesce(list_contains(${listOf(ids)}, ${column}), false)`;
const mentions = ({ userIds, anonymousIds }: ForgottenIds) =>
  `(${carries('anonymous_id', anonymousIds)} OR ${carries('previous_id', [...anonymousIds, ...userIds])})`;

export interface ForgottenRows {
  readonly events: number;
  /** Others' events from which an id was taken. */
  readonly mentions: number;
  readonly horizon: string | null;
  readonly sequence: string | null;
  /** Of the events. */
  readonly messageIds: readonly string[];
}

/** What a file holds of a person. */
export async function findForgotten(scratch: Scratch, file: string, ids: ForgottenIds): Promise<ForgottenRows> {
  const [row] = await scratch.rows<{ events: string; mentions: string; horizon: string | null; sequence: string | null }>(`
    SELECT count(*) FILTER (${isOf(ids)}) AS events, count(*) FILTER (NOT ${isOf(ids)} AND ${mentions(ids)}) AS mentions,
      (min((horizon, sequence)) FILTER (${isOf(ids)}))[1]::VARCHAR AS horizon, (min((horizon, sequence)) FILTER (${isOf(ids)}))[2]::VARCHAR AS sequence
    FROM ${rowsOf([file])}`);
  if (!row) throw new Error('an aggregate without a row');
  const messages = await scratch.rows<{ message_id: string }>(`SELECT message_id FROM ${rowsOf([file])} WHERE ${isOf(ids)}`);
  return { ...row, events: Number(row.events), mentions: Number(row.mentions), messageIds: messages.map(({ message_id }) => message_id) };
}

/** Imports that brought what a file holds of a person. */
export async function importsOfForgotten(scratch: Scratch, file: string, ids: ForgottenIds): Promise<string[]> {
  const rows = await scratch.rows<{ id: string }>(
    `SELECT DISTINCT import_id::VARCHAR AS id FROM ${rowsOf([file])} WHERE import_id IS NOT NULL AND (${isOf(ids)} OR ${mentions(ids)})`,
  );
  return rows.map(({ id }) => id);
}

/** The same file without a person. */
export async function writeWithout(scratch: Scratch, file: string, ids: ForgottenIds, target: string): Promise<void> {
  await scratch.run(`COPY (
    SELECT * REPLACE (
      CASE WHEN ${carries('anonymous_id', ids.anonymousIds)} THEN NULL ELSE anonymous_id END AS anonymous_id,
      CASE WHEN ${carries('previous_id', [...ids.anonymousIds, ...ids.userIds])} THEN NULL ELSE previous_id END AS previous_id)
    FROM ${rowsOf([file])} WHERE NOT ${isOf(ids)} ${SORTED}
  ) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`);
}
