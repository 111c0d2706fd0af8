import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';

import type { PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

import type { StoredArtifact } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { CLOSE_ARCHIVES } from '#libs/history';

import { SHARE_IDENTITY_GATE } from '../identity/identity.gate.js';
import { type Cut, isoMicros } from '../page.js';
import { type ArchiveMeasure, COLUMNS as EVENT_COLUMNS, CSV_COLUMNS } from './archive.file.js';

export interface ArchiveRow {
  id: string;
  request_id: string;
  state: 'WRITING' | 'ARCHIVED' | 'RESTORED' | 'DROPPING' | 'DROPPED';
  period_start: string;
  period_end: string;
  below_horizon: string;
  received_before: string;
  artifact: string | null;
  stale_artifacts: string[];
  sha256: string | null;
  bytes: string;
  events: string;
  digest: string | null;
  first_occurred_at: string | null;
  last_occurred_at: string | null;
  archived_at: string | null;
  dropped_at: string | null;
  restored_at: string | null;
  kept_until: string | null;
}

export interface Period {
  readonly period_start: string;
  readonly period_end: string;
}

/** The events changed while they were copied (a person was erased): the file is not what Postgres holds. */
export class ArchiveOvertaken extends Error {}

const COLUMNS = `id, request_id, state, ${isoMicros('period_start')} AS period_start, ${isoMicros('period_end')} AS period_end, below_horizon,
  ${isoMicros('received_before')} AS received_before, artifact, stale_artifacts, sha256, bytes, events, digest::text AS digest, ${isoMicros('first_occurred_at')} AS first_occurred_at,
  ${isoMicros('last_occurred_at')} AS last_occurred_at, ${isoMicros('archived_at')} AS archived_at, ${isoMicros('dropped_at')} AS dropped_at,
  ${isoMicros('restored_at')} AS restored_at, ${isoMicros('kept_until')} AS kept_until`;
const [TURN_MS, BETWEEN_TURNS_MS] = [500, 2_000];
const LOCK_NOT_AVAILABLE = '55P03';
/** `$2` from, `$3` before, `$4` horizon, `$5` moment of arrival. */
const CHOSEN = `workspace_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND horizon < $4 AND received_at < $5`;
const BEHAVIOUR = `type IN ('track', 'page', 'screen')`;
const DIGESTED = `count(*) AS events,
    coalesce(sum(ingestion.event_digest(id, sequence, occurred_at, subject_id, message_id, name, anonymous_id, previous_id, properties::text, context::text)), 0)::text AS digest`;
// Moves a month: counted and digested as it leaves, and written down per subject, in one statement.
const TAKE_OUT = `
  WITH gone AS (
    DELETE FROM ingestion.events WHERE ${CHOSEN}
    RETURNING id, sequence, occurred_at, type, subject_id, message_id, name, anonymous_id, previous_id, properties, context
  ), kept AS (
    INSERT INTO ingestion.archived_subjects (workspace_id, subject_id, archive_id, events, first_occurred_at, last_occurred_at, behaviour_events, last_behaviour_at)
    SELECT $1, subject_id, $6, count(*), min(occurred_at), max(occurred_at), count(*) FILTER (WHERE ${BEHAVIOUR}), max(occurred_at) FILTER (WHERE ${BEHAVIOUR})
    FROM gone WHERE subject_id IS NOT NULL GROUP BY subject_id
  )
  SELECT ${DIGESTED} FROM gone`;
// Moves it back.
const JSONS = new Set(['properties', 'context']);
const LAY_OUT = `CREATE TEMP TABLE restored_events AS
  SELECT ${EVENT_COLUMNS.map((column) => (JSONS.has(column) ? `${column}::text AS ${column}` : column)).join(', ')} FROM ingestion.events WITH NO DATA`;
const PUT_BACK = `
  WITH back AS (
    INSERT INTO ingestion.events (workspace_id, ${EVENT_COLUMNS.join(', ')}) SELECT $1, ${EVENT_COLUMNS.map((column) => (JSONS.has(column) ? `${column}::jsonb` : column)).join(', ')}
    FROM pg_temp.restored_events
    RETURNING id, sequence, occurred_at, subject_id, message_id, name, anonymous_id, previous_id, properties, context
  )
  SELECT ${DIGESTED} FROM back`;
const FORGET = (table: 'message_ids' | 'duplicate_events', stored: 0 | 1, duplicate: 0 | 1) => `
  WITH gone AS (
    DELETE FROM ingestion.${table} WHERE workspace_id = $1 AND message_id = ANY ($2::text[]) RETURNING received_at
  )
  INSERT INTO ingestion.ledger_drops AS d (workspace_id, hour, stored, duplicate)
  SELECT $1, date_trunc('hour', received_at, 'UTC'), ${stored} * count(*), ${duplicate} * count(*) FROM gone GROUP BY 2 ORDER BY 2
  ON CONFLICT (workspace_id, hour) DO UPDATE SET stored = d.stored + excluded.stored, duplicate = d.duplicate + excluded.duplicate`;
const MEASURED = `artifact = $3, sha256 = $4, bytes = $5, events = $6, behaviour_events = $7, digest = $8, first_occurred_at = $9, last_occurred_at = $10,
  last_horizon = $11, last_sequence = $12, names = $13`;
const measured = ({ path, sha256, bytes }: StoredArtifact, { events, behaviour, digest, first, last, horizon, sequence, names }: ArchiveMeasure) => [
  path, sha256, bytes, events, behaviour, digest, first, last, horizon, sequence, names,
];

/** Rows of archives, and events on their way into them. */
export class ArchiveRepository {
  constructor(private readonly database: Database) {}

  /**
   * Months that ended by `before` and hold events of the workspace that arrived before a moment, with their number. A
   * policy leaves alone what was restored to be kept.
   */
  async due(workspaceId: string, before: string, receivedBefore: Date, { isPolicy }: { isPolicy: boolean }): Promise<(Period & { events: number })[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Period & { events: string }>(
        `SELECT ${isoMicros('p.period_start')} AS period_start, ${isoMicros('p.period_end')} AS period_end, n.events
         FROM ingestion.event_periods() p
         CROSS JOIN LATERAL (
           SELECT count(*) AS events FROM ingestion.events e WHERE e.workspace_id = $1 AND e.occurred_at >= p.period_start AND e.occurred_at < p.period_end
             AND e.horizon < ingestion.safe_horizon() AND e.received_at < $3) n
         WHERE p.period_end <= $2::timestamptz AND n.events > 0 AND NOT ($4 AND EXISTS (
           SELECT FROM ingestion.event_archives a WHERE a.workspace_id = $1 AND a.period_start = p.period_start AND a.state = 'RESTORED' AND a.kept_until > now()))
         ORDER BY p.period_start`,
        [workspaceId, before, receivedBefore, isPolicy],
      );
      return rows.map(({ events, ...period }) => ({ ...period, events: Number(events) }));
    });
  }

  /** Whether anybody's asking would find a month due; and the oldest month with events of the workspace, if there are any. */
  async outlook(workspaceId: string, before: string, receivedBefore: Date): Promise<{ isDue: boolean; oldest: Period | undefined }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const events = `FROM ingestion.events e WHERE e.workspace_id = $1 AND e.occurred_at >= p.period_start AND e.occurred_at < p.period_end`;
      const { rows } = await client.query<Period & { is_due: boolean }>(
        `SELECT ${isoMicros('p.period_start')} AS period_start, ${isoMicros('p.period_end')} AS period_end,
           p.period_end <= $2::timestamptz AND EXISTS (SELECT ${events} AND e.received_at < $3) AS is_due
         FROM ingestion.event_periods() p WHERE EXISTS (SELECT ${events}) ORDER BY p.period_start`,
        [workspaceId, before, receivedBefore],
      );
      return { isDue: rows.some(({ is_due }) => is_due), oldest: rows[0] };
    });
  }

  async find(workspaceId: string, id: string): Promise<ArchiveRow | undefined> {
    return (await this.where(workspaceId, 'id = $2', [id]))[0];
  }

  /** Newest month first; one row more than the page, and how many there are in all. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ rows: ArchiveRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const found = await client.query<ArchiveRow>(
        `SELECT ${COLUMNS} FROM ingestion.event_archives WHERE workspace_id = $1 AND ($2::timestamptz IS NULL OR (event_archives.period_start, id) < ($2, $3::uuid))
         ORDER BY event_archives.period_start DESC, id DESC LIMIT $4`,
        [workspaceId, after?.[0] ?? null, after?.[1] ?? null, rows + 1],
      );
      const counted = await client.query<{ total: string }>('SELECT count(*) AS total FROM ingestion.event_archives WHERE workspace_id = $1', [workspaceId]);
      return { rows: found.rows, total: Number(counted.rows[0]?.total) };
    });
  }

  /** Left behind by attempts that died: their events are still where they were. */
  unfinished = (workspaceId: string): Promise<ArchiveRow[]> => this.where(workspaceId, `state = 'WRITING'`, []);
  stored = (workspaceId: string): Promise<ArchiveRow[]> => this.where(workspaceId, `state = 'ARCHIVED'`, []);
  withStale = (workspaceId: string): Promise<ArchiveRow[]> => this.where(workspaceId, `stale_artifacts <> '{}'`, []);
  toDrop = (workspaceId: string, before: string | null): Promise<ArchiveRow[]> =>
    this.where(workspaceId, `(state = 'DROPPING' OR (state = 'ARCHIVED' AND event_archives.period_end <= $2::timestamptz))`, [before]);
  /** Those with events of some subjects. */
  ofSubjects = (workspaceId: string, subjectIds: readonly string[]): Promise<ArchiveRow[]> =>
    this.where(workspaceId, `state = 'ARCHIVED' AND id IN (SELECT archive_id FROM ingestion.archived_subjects WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[]))`, [subjectIds]);

  async insert(workspaceId: string, archive: { id: string; requestId: string; receivedBefore: Date } & Period): Promise<ArchiveRow> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ArchiveRow>(
        `INSERT INTO ingestion.event_archives (workspace_id, id, request_id, state, period_start, period_end, below_horizon, received_before)
         VALUES ($1, $2, $3, 'WRITING', $4, $5, ingestion.safe_horizon(), $6) RETURNING ${COLUMNS}`,
        [workspaceId, archive.id, archive.requestId, archive.period_start, archive.period_end, archive.receivedBefore],
      );
      if (!rows[0]) throw new Error(`archive ${archive.id} was not kept`);
      return rows[0];
    });
  }

  async delete(workspaceId: string, id: string): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(`DELETE FROM ingestion.event_archives WHERE workspace_id = $1 AND id = $2 AND state = 'WRITING'`, [workspaceId, id]),
    );
  }

  /** The events of an archive as a CSV file, see archive.file.ts. */
  async copyOut(workspaceId: string, { period_start, period_end, below_horizon, received_before }: ArchiveRow, file: string): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query("SET LOCAL timezone = 'UTC'");
      const text = (value: string) => client.escapeLiteral(value);
      const stream = client.query(
        copyTo(`COPY (
          SELECT ${CSV_COLUMNS} FROM ingestion.events
          WHERE workspace_id = (SELECT kindred.workspace()) AND occurred_at >= ${text(period_start)} AND occurred_at < ${text(period_end)}
            AND horizon < ${BigInt(below_horizon)} AND received_at < ${text(received_before)}
        ) TO STDOUT (FORMAT csv)`),
      );
      await pipeline(stream, createWriteStream(file));
    });
  }

  /** Takes the events out of Postgres, if they are exactly those that the file was seen to hold. */
  async complete(workspaceId: string, archive: ArchiveRow, file: StoredArtifact, measure: ArchiveMeasure, within: (client: PoolClient) => Promise<void>): Promise<void> {
    await this.alone(workspaceId, async (client) => {
      await client.query(SHARE_IDENTITY_GATE, [workspaceId]);
      const chosen = [archive.period_start, archive.period_end, archive.below_horizon, archive.received_before];
      const { rows } = await client.query<{ events: string; digest: string }>(TAKE_OUT, [workspaceId, ...chosen, archive.id]);
      if (rows[0]?.events !== measure.events || rows[0].digest !== measure.digest) throw new ArchiveOvertaken();
      const { rowCount } = await client.query(
        `UPDATE ingestion.event_archives SET state = 'ARCHIVED', archived_at = now(), ${MEASURED} WHERE workspace_id = $1 AND id = $2 AND state = 'WRITING'`,
        [workspaceId, archive.id, ...measured(file, measure)],
      );
      if (rowCount !== 1) throw new ArchiveOvertaken();
      await within(client);
    });
  }

  /** Puts another file in the place of one that holds a person. */
  async replace(workspaceId: string, archive: ArchiveRow, file: StoredArtifact, measure: ArchiveMeasure, subjectIds: readonly string[], within: (client: PoolClient) => Promise<void>): Promise<void> {
    await this.alone(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE ingestion.event_archives SET ${MEASURED}, stale_artifacts = stale_artifacts || artifact
         WHERE workspace_id = $1 AND id = $2 AND state = 'ARCHIVED' AND artifact = $14`,
        [workspaceId, archive.id, ...measured(file, measure), archive.artifact],
      );
      if (rowCount !== 1) throw new ArchiveOvertaken();
      await client.query('DELETE FROM ingestion.archived_subjects WHERE workspace_id = $1 AND archive_id = $2 AND subject_id = ANY ($3::uuid[])', [
        workspaceId, archive.id, subjectIds,
      ]);
      await within(client);
    });
  }

  /** Puts events back into the table, if they are exactly those that the archive was made of. */
  async putBack(workspaceId: string, archive: ArchiveRow, keepDays: number, pages: AsyncIterable<object[]>, within: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await this.database.pool.connect();
    try {
      await client.query(`SELECT ingestion.ensure_event_partition($1)`, [archive.period_start]);
      // Outside of a transaction: one that writes for long would hold back the feed.
      await client.query(LAY_OUT);
      for await (const page of pages) {
        await client.query('INSERT INTO pg_temp.restored_events SELECT * FROM json_populate_recordset(NULL::pg_temp.restored_events, $1::json)', [JSON.stringify(page)]);
      }
      await this.alone(workspaceId, (moving) => this.moveBack(moving, workspaceId, archive, keepDays, within), client);
    } finally {
      // The table goes with its connection.
      client.release(true);
    }
  }

  private async moveBack(client: PoolClient, workspaceId: string, archive: ArchiveRow, keepDays: number, within: (client: PoolClient) => Promise<void>): Promise<void> {
    await client.query(SHARE_IDENTITY_GATE, [workspaceId]);
    const { rows } = await client.query<{ events: string; digest: string }>(PUT_BACK, [workspaceId]);
    if (rows[0]?.events !== archive.events || rows[0].digest !== archive.digest) throw new Error(`archive ${archive.id} is not what it was made of`);
    await client.query('DELETE FROM ingestion.archived_subjects WHERE workspace_id = $1 AND archive_id = $2', [workspaceId, archive.id]);
    const { rowCount } = await client.query(
      `UPDATE ingestion.event_archives SET state = 'RESTORED', restored_at = now(), kept_until = now() + make_interval(days => $4),
         stale_artifacts = stale_artifacts || artifact, artifact = NULL
       WHERE workspace_id = $1 AND id = $2 AND state = 'ARCHIVED' AND artifact = $3`,
      [workspaceId, archive.id, archive.artifact, keepDays],
    );
    if (rowCount !== 1) throw new ArchiveOvertaken();
    await within(client);
  }

  /** From here on nobody reads it. */
  async beginDrop(workspaceId: string, id: string): Promise<void> {
    await this.alone(workspaceId, async (client) => {
      await client.query(`UPDATE ingestion.event_archives SET state = 'DROPPING' WHERE workspace_id = $1 AND id = $2 AND state = 'ARCHIVED'`, [workspaceId, id]);
      await client.query('DELETE FROM ingestion.archived_subjects WHERE workspace_id = $1 AND archive_id = $2', [workspaceId, id]);
    });
  }

  /** Message ids live as long as their events; the ledger goes on knowing that there were some. */
  async forgetMessageIds(workspaceId: string, messageIds: readonly string[]): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      for (const sql of [FORGET('message_ids', 1, 0), FORGET('duplicate_events', 0, 1)]) await client.query(sql, [workspaceId, messageIds]);
    });
  }

  async endDrop(workspaceId: string, id: string): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(
        `UPDATE ingestion.event_archives SET state = 'DROPPED', dropped_at = now(), stale_artifacts = stale_artifacts || artifact, artifact = NULL
         WHERE workspace_id = $1 AND id = $2 AND state = 'DROPPING'`,
        [workspaceId, id],
      ),
    );
  }

  /** Removes files when nobody reads them any more, and remembers that they are gone. */
  async removeStale(workspaceId: string, id: string, remove: () => Promise<void>): Promise<void> {
    await this.alone(workspaceId, async (client) => {
      await remove();
      await client.query(`UPDATE ingestion.event_archives SET stale_artifacts = '{}' WHERE workspace_id = $1 AND id = $2`, [workspaceId, id]);
    });
  }

  /** Drops a month that holds nothing of anybody any more. */
  async dropEmptyPartition(periodStart: string): Promise<void> {
    await this.database.pool.query('SELECT ingestion.drop_empty_event_partition($1)', [periodStart]);
  }

  /** In short turns: readers queue behind whoever waits to be alone, and a snapshot is a reader for minutes. */
  private async alone<T>(workspaceId: string, work: (client: PoolClient) => Promise<T>, own?: PoolClient): Promise<T> {
    const transaction = (all: (client: PoolClient) => Promise<T>) => (own ? inTransaction(own, workspaceId, all) : this.database.onConnection(workspaceId, all));
    for (;;) {
      let isAlone = false;
      try {
        return await transaction(async (client) => {
          await client.query(`SET LOCAL lock_timeout = ${TURN_MS}`);
          await client.query(CLOSE_ARCHIVES);
          isAlone = true;
          await client.query('SET LOCAL lock_timeout = 0');
          return work(client);
        });
      } catch (error) {
        if (isAlone || (error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
        await wait(BETWEEN_TURNS_MS);
      }
    }
  }

  private async where(workspaceId: string, condition: string, values: readonly unknown[]): Promise<ArchiveRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT ${COLUMNS} FROM ingestion.event_archives WHERE workspace_id = $1 AND ${condition} ORDER BY event_archives.period_start, id`;
      return (await client.query<ArchiveRow>(sql, [workspaceId, ...values])).rows;
    });
  }
}

/** In one workspace, on a connection that holds something already. */
async function inTransaction<T>(client: PoolClient, workspaceId: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  try {
    await client.query('BEGIN');
    await client.query(`SELECT set_config('app.workspace', $1, true)`, [workspaceId]);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
