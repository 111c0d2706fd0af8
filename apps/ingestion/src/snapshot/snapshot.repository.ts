import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { to as copyTo } from 'pg-copy-streams';

import type { Database, Position } from '#libs/database';
import { SHARE_ARCHIVES } from '#libs/history';

import { isoMicros } from '../page.js';

export interface SnapshotRow {
  id: string;
  request_id: string;
  state: 'WRITING' | 'READY' | 'FAILED';
  uri: string;
  content_hash: string | null;
  horizon: string | null;
  sequence: string | null;
  events: string | null;
  customers: string | null;
  now: string | null;
}

const COLUMNS = `id, request_id, state, uri, content_hash, horizon, sequence, events, customers, ${isoMicros('now')} AS now`;
const BEHAVIOUR = `type IN ('track', 'page', 'screen')`;

interface ArchivedPlace {
  horizon: string;
  sequence: string;
  events: string;
}

/** The last behaviour event that lies in an archive, and how many do. */
const LAST_ARCHIVED = `
  SELECT last_horizon AS horizon, last_sequence AS sequence, sum(behaviour_events) OVER () AS events FROM ingestion.event_archives
  WHERE workspace_id = $1 AND state = 'ARCHIVED' AND behaviour_events > 0 ORDER BY last_horizon DESC, last_sequence DESC LIMIT 1`;

export interface ArchivedFile {
  artifact: string;
  sha256: string;
}

const ARCHIVED_FILES = `SELECT artifact, sha256 FROM ingestion.event_archives WHERE workspace_id = $1 AND state = 'ARCHIVED' AND behaviour_events > 0`;

export interface Names {
  readonly events: readonly string[];
  readonly properties: readonly string[];
  /** Properties that are to hold numbers. */
  readonly numbers: readonly string[];
}

/** A second to look for all of them: so long may whoever starts a run wait. */
const LOOKED_FOR_MS = 1_000;
/** SQLSTATE of a statement whose time is over. */
const TOO_SLOW = '57014';
const HAS_ARCHIVES = `SELECT EXISTS (${ARCHIVED_FILES}) AS "hasArchives"`;

/** Those of the names $2 of which no behaviour event is what `holds` says. Each is looked for until the first such event. */
const missingWhere = (holds: string, asked = 'unnest($2::text[]) AS asked(name)') => `
  SELECT asked.name FROM ${asked}
  LEFT JOIN LATERAL (SELECT true AS has FROM ingestion.events e WHERE e.workspace_id = $1 AND e.${BEHAVIOUR} AND ${holds} LIMIT 1) found ON true
  WHERE found.has IS NULL`;
/** An archive knows the names of its events, and of none of their properties. */
const MISSING_EVENTS = `${missingWhere('e.name = asked.name')} AND NOT EXISTS (
  SELECT FROM ingestion.event_archives a WHERE a.workspace_id = $1 AND a.state = 'ARCHIVED' AND a.behaviour_events > 0 AND (a.names IS NULL OR asked.name = ANY (a.names)))`;
/** Any dot of a name may be the one between a list and the field of its items, which is asked for as a path. */
const ASKED_OF_ITEMS = `(
  SELECT name, array_agg(left(name, at - 1)) AS lists, array_agg(('$[*].' || to_json(substr(name, at + 1)))::jsonpath) AS fields
  FROM unnest($2::text[]) AS name LEFT JOIN LATERAL generate_series(1, length(name)) AS at ON substr(name, at, 1) = '.' GROUP BY name) AS asked`;
const MISSING_PROPERTIES = missingWhere(`(e.properties ? asked.name OR EXISTS (
  SELECT FROM unnest(asked.lists, asked.fields) AS place(list, field)
  WHERE jsonb_typeof(e.properties -> list) = 'array' AND jsonb_path_exists(e.properties -> list, field)))`, ASKED_OF_ITEMS);
const MISSING_NUMBERS = missingWhere("jsonb_typeof(e.properties -> asked.name) = 'number'");

/** What becomes of what is copied. */
export interface SnapshotLoads {
  /** Archives, and a CSV of subjects with their customers. */
  archives(files: readonly ArchivedFile[], subjects: string): Promise<void>;
  /** A CSV of events. */
  slice(file: string): Promise<void>;
}

/** Rows of snapshots, and the events that go into one. */
export class SnapshotRepository {
  constructor(private readonly database: Database) {}

  async findByRequest(workspaceId: string, requestId: string): Promise<SnapshotRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT ${COLUMNS} FROM ingestion.snapshots WHERE workspace_id = $1 AND request_id = $2 AND state <> 'FAILED'`;
      return (await client.query<SnapshotRow>(sql, [workspaceId, requestId])).rows[0];
    });
  }

  async insert(workspaceId: string, row: { id: string; requestId: string; uri: string }): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(`INSERT INTO ingestion.snapshots (workspace_id, id, request_id, state, uri) VALUES ($1, $2, $3, 'WRITING', $4)`, [
        workspaceId, row.id, row.requestId, row.uri,
      ]),
    );
  }

  async markFailed(workspaceId: string, id: string): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(`UPDATE ingestion.snapshots SET state = 'FAILED' WHERE workspace_id = $1 AND id = $2`, [workspaceId, id]),
    );
  }

  /** Marks all of a request failed, and answers where they lie, also those that had failed before: their files may have stayed. */
  async forget(workspaceId: string, requestId: string): Promise<string[]> {
    const sql = `UPDATE ingestion.snapshots SET state = 'FAILED' WHERE workspace_id = $1 AND request_id = $2 RETURNING uri`;
    return this.database.onConnection(workspaceId, async (client) => (await client.query<{ uri: string }>(sql, [workspaceId, requestId])).rows.map(({ uri }) => uri));
  }

  /** False where it was removed meanwhile. */
  async markReady(workspaceId: string, id: string, made: { contentHash: string; position: Position; events: number; customers: number; now: Date }): Promise<boolean> {
    const { rowCount } = await this.database.onConnection(workspaceId, (client) =>
      client.query(
        `UPDATE ingestion.snapshots SET state = 'READY', content_hash = $3, horizon = $4, sequence = $5, events = $6, customers = $7, now = $8
         WHERE workspace_id = $1 AND id = $2 AND state = 'WRITING'`,
        [workspaceId, id, made.contentHash, made.position.horizon, made.position.sequence, made.events, made.customers, made.now],
      ),
    );
    return rowCount === 1;
  }

  /** The last place of the feed that is safe to read up to, and how many events lie before it; undefined: none. */
  async measure(workspaceId: string, upTo: Position | undefined): Promise<{ position: Position; events: number } | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const bound = upTo ? `AND (horizon, sequence) <= (${BigInt(upTo.horizon)}, ${BigInt(upTo.sequence)})` : '';
      const where = `workspace_id = $1 AND horizon < (SELECT ingestion.safe_horizon()) AND ${BEHAVIOUR} ${bound}`;
      const last = await client.query<{ horizon: string; sequence: string }>(
        `SELECT horizon, sequence FROM ingestion.events WHERE ${where} ORDER BY horizon DESC, sequence DESC LIMIT 1`,
        [workspaceId],
      );
      const archived = await client.query<ArchivedPlace>(LAST_ARCHIVED, [workspaceId]);
      const position = latestOf([last.rows[0], archived.rows[0]], upTo);
      if (!position) return undefined;
      const counted = await client.query<{ events: string }>(`SELECT count(*) AS events FROM ingestion.events WHERE ${where}`, [workspaceId]);
      return { position, events: Number(counted.rows[0]?.events) + Number(archived.rows[0]?.events ?? 0) };
    });
  }

  /** Of these names, those that no behaviour event has, as far as that can be said in a short time. */
  async missing(workspaceId: string, asked: Names): Promise<Names> {
    const missing = { events: [] as string[], properties: [] as string[], numbers: [] as string[] };
    const until = performance.now() + LOOKED_FOR_MS;
    const look = this.database.onConnection(workspaceId, async (client) => {
      const within = async <Row extends object>(sql: string, values: unknown[]) => {
        // Postgres takes 0 for no limit at all.
        await client.query(`SET LOCAL statement_timeout = ${Math.max(Math.round(until - performance.now()), 1)}`);
        return (await client.query<Row>(sql, values)).rows;
      };
      const find = async (sql: string, names: readonly string[]) => {
        if (names.length === 0) return [];
        return (await within<{ name: string }>(sql, [workspaceId, names])).map(({ name }) => name);
      };
      missing.events = await find(MISSING_EVENTS, asked.events);
      const [archives] = await within<{ hasArchives: boolean }>(HAS_ARCHIVES, [workspaceId]);
      if (archives?.hasArchives) return;
      missing.properties = await find(MISSING_PROPERTIES, asked.properties);
      missing.numbers = await find(MISSING_NUMBERS, asked.numbers);
    });
    await look.catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== TOO_SLOW) throw error;
    });
    return missing;
  }

  /**
   * Copies every behaviour event up to a position as CSV into files of about `sliceBytes` each: customer, subject,
   * occurred_at, received_at, sequence, name as JSON, properties. `loads.slice` is given each file when it is complete,
   * and the copy waits for it. Customers are those of that position. Archives come first, with a file of their subjects'
   * customers: together both are the events of one moment.
   */
  async copyOut(workspaceId: string, { horizon, sequence }: Position, fileOf: (slice: number) => string, sliceBytes: number, loads: SnapshotLoads): Promise<void> {
    const [h, s] = [BigInt(horizon), BigInt(sequence)];
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query("SET LOCAL timezone = 'UTC'");
      // Until the end nothing goes from the events into an archive, and no file goes.
      await client.query(SHARE_ARCHIVES);
      const archives = await client.query<ArchivedFile>(ARCHIVED_FILES, [workspaceId]);
      if (archives.rows.length > 0) {
        const subjects = fileOf(-1);
        const mapped = client.query(
          copyTo(`COPY (
            SELECT m.subject_id, m.customer_id FROM ingestion.subject_customers m
            WHERE m.workspace_id = (SELECT kindred.workspace()) AND m.horizon <= ${h} AND (m.ended_horizon IS NULL OR m.ended_horizon > ${h})
              AND m.subject_id IN (SELECT a.subject_id FROM ingestion.archived_subjects a WHERE a.workspace_id = (SELECT kindred.workspace()))
          ) TO STDOUT (FORMAT csv)`),
        );
        await pipeline(mapped, createWriteStream(subjects));
        await loads.archives(archives.rows, subjects);
      }
      // A name is written as JSON because it may hold a line break: slices are cut at line ends.
      const stream = client.query(
        copyTo(`COPY (
          SELECT m.customer_id, e.subject_id, e.occurred_at, e.received_at, e.sequence, to_json(e.name), e.properties
          FROM ingestion.events e
          JOIN ingestion.subject_customers m ON m.workspace_id = e.workspace_id AND m.subject_id = e.subject_id
            AND m.horizon <= ${h} AND (m.ended_horizon IS NULL OR m.ended_horizon > ${h})
          WHERE e.workspace_id = (SELECT kindred.workspace()) AND (e.horizon, e.sequence) <= (${h}, ${s}) AND e.${BEHAVIOUR}
        ) TO STDOUT (FORMAT csv)`),
      );
      await sliced(stream, fileOf, sliceBytes, loads.slice);
    });
  }
}

const NEWLINE = 0x0a;

async function sliced(stream: AsyncIterable<Buffer>, fileOf: (slice: number) => string, sliceBytes: number, load: (file: string) => Promise<void>): Promise<void> {
  let slice = 0;
  let written = 0;
  let failure: unknown;
  let out: WriteStream | undefined;
  const finish = async () => {
    if (!out) return;
    const { path } = out;
    out.end();
    await once(out, 'close');
    out = undefined;
    written = 0;
    await load(String(path));
  };
  const write = async (part: Buffer) => {
    if (part.length === 0) return;
    out ??= createWriteStream(fileOf(slice++));
    written += part.length;
    if (!out.write(part)) await once(out, 'drain');
  };
  for await (const chunk of stream) {
    // A copy that is under way can only be read to its end: what is left after a failure is thrown away.
    if (failure !== undefined) continue;
    try {
      const end = written + chunk.length > sliceBytes ? chunk.lastIndexOf(NEWLINE) + 1 : 0;
      await write(end > 0 ? chunk.subarray(0, end) : chunk);
      if (end > 0) {
        await finish();
        await write(chunk.subarray(end));
      }
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  await finish();
}

/** The latest of some places, or the bound where an archive reaches beyond it. */
function latestOf(places: readonly ({ horizon: string; sequence: string } | undefined)[], upTo: Position | undefined): Position | undefined {
  const found = places.flatMap((place) => (place ? [{ horizon: Number(place.horizon), sequence: Number(place.sequence) }] : []));
  const latest = found.reduce<Position | undefined>((best, place) => (best && !isAfter(place, best) ? best : place), undefined);
  return latest && upTo && isAfter(latest, upTo) ? upTo : latest;
}

const isAfter = (one: Position, other: Position) => one.horizon > other.horizon || (one.horizon === other.horizon && one.sequence > other.sequence);
