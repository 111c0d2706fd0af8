import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';
import { type Attempt, type ExportPayload, StaleAttempt } from '#libs/queue';

import type { PageAsked } from '../page/page.js';
import { DATABASE } from '../store.js';
import type { ColumnChoice } from './export.columns.js';
import type { ExportManifest } from './export.manifest.js';
import type { FileFormat } from './member.file.js';

export type ExportState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface ExportRow extends ColumnChoice {
  readonly id: string;
  readonly segmentId: string;
  readonly format: FileFormat;
  readonly state: ExportState;
  readonly requestedBy: string;
  readonly scheduleId: string | null;
  /** Null: of when it is begun. */
  readonly asOf: Date | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly fence: number;
  readonly cancel_requested: boolean;
  readonly membersDone: number;
  readonly membersTotal: number;
  readonly artifact: string | null;
  readonly manifest: ExportManifest | null;
  readonly error: string;
}

export interface NewExport extends ColumnChoice {
  readonly id: string;
  readonly segmentId: string;
  readonly format: FileFormat;
  readonly requestedBy: string;
  readonly asOf: string | null;
  /** Of a schedule, and the time that it was due. */
  readonly schedule: { readonly id: string; readonly due: Date } | null;
}

export interface ExportFilter {
  readonly segmentId: string | null;
  readonly scheduleId: string | null;
}

/** A file that is kept, and the fence that it is of. */
export type KeptFile = Pick<ExportRow, 'id' | 'fence' | 'format'> & { readonly artifact: string; readonly manifest: ExportManifest };

const COLUMNS = `id, segment_id as "segmentId", format, columns, attributes, state, requested_by as "requestedBy", schedule_id as "scheduleId", as_of as "asOf", created_at as "createdAt",
  started_at as "startedAt", finished_at as "finishedAt", fence, cancel_requested, members_done::float8 as "membersDone", members_total::float8 as "membersTotal",
  artifact, manifest, error`;
const OURS = `id = $1 and fence = $2 and state = 'RUNNING'`;

/** Rows of exports; `open_exports` follows them in the same transactions. */
@Injectable()
export class ExportRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Whether the segment is one of the workspace's. */
  hasSegment(workspaceId: string, segmentId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query('select from serving.segments where id = $1', [segmentId])).rowCount === 1);
  }

  /** Undefined where `most` are under way already, and for a schedule's tick that has its export. */
  insert(workspaceId: string, { id, segmentId, format, columns, attributes, requestedBy, asOf, schedule }: NewExport, most: number): Promise<ExportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(`select pg_advisory_xact_lock(hashtextextended('kindred.serving.exports:' || $1, 0))`, [workspaceId]);
      const { rows } = await client.query<ExportRow>(
        `insert into serving.exports (workspace_id, id, segment_id, format, columns, attributes, requested_by, schedule_id, scheduled_for, as_of)
         select kindred.workspace(), $1, $2, $3, $8, $9, $4, $5, $6, $10 where (select count(*) from serving.exports where state in ('QUEUED', 'RUNNING')) < $7
         on conflict (workspace_id, schedule_id, scheduled_for) do nothing returning ${COLUMNS}`,
        [id, segmentId, format, requestedBy, schedule?.id ?? null, schedule?.due ?? null, most, columns, attributes, asOf],
      );
      if (rows[0]) await client.query('insert into serving.open_exports (workspace_id, id) values (kindred.workspace(), $1)', [id]);
      return rows[0];
    });
  }

  find(workspaceId: string, id: string): Promise<ExportRow | undefined> {
    return this.one(workspaceId, `select ${COLUMNS} from serving.exports where id = $1`, [id]);
  }

  /** Newest first, one row more than asked for, and how many there are. */
  list(workspaceId: string, { segmentId, scheduleId }: ExportFilter, { first, after }: PageAsked<string>): Promise<{ rows: ExportRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const filter = '($1::uuid is null or segment_id = $1) and ($2::uuid is null or schedule_id = $2)';
      const { rows } = await client.query<ExportRow>(
        `select ${COLUMNS} from serving.exports where ${filter} and ($3::uuid is null or id < $3) order by id desc limit $4`,
        [segmentId, scheduleId, after ?? null, first + 1],
      );
      const counted = await client.query<{ total: number }>(`select count(*)::float8 as total from serving.exports where ${filter}`, [segmentId, scheduleId]);
      return { rows, total: counted.rows[0]?.total ?? 0 };
    });
  }

  /** Of each schedule, newest first, one row more than asked for; with how many there are where that is asked for: as many statements for many as for one. */
  ofSchedules(
    workspaceId: string,
    scheduleIds: readonly string[],
    { first, after }: PageAsked<string>,
    withTotal: boolean,
  ): Promise<{ rows: ReadonlyMap<string, ExportRow[]>; totals: ReadonlyMap<string, number> }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ExportRow>(
        `select x.* from unnest($1::uuid[]) as e(id) cross join lateral (
           select ${COLUMNS} from serving.exports where schedule_id = e.id and ($2::uuid is null or id < $2) order by id desc limit $3) as x
         order by e.id, x.id desc`,
        [scheduleIds, after ?? null, first + 1],
      );
      const counted = withTotal
        ? (await client.query<{ id: string; total: number }>('select schedule_id as id, count(*)::float8 as total from serving.exports where schedule_id = any($1::uuid[]) group by schedule_id', [scheduleIds])).rows
        : [];
      return { rows: Map.groupBy(rows, ({ scheduleId }) => scheduleId ?? ''), totals: new Map(counted.map(({ id, total }) => [id, total])) };
    });
  }

  /** Over all workspaces. */
  async open(): Promise<ExportPayload[]> {
    return (await this.database.pool.query<ExportPayload>('select workspace_id as "workspaceId", id as "exportId" from serving.open_exports order by id limit 1000')).rows;
  }

  /** Begins an attempt, which ends the right of any earlier one to write; undefined: the export has ended. */
  begin(workspaceId: string, id: string): Promise<ExportRow | undefined> {
    return this.one(
      workspaceId,
      `update serving.exports set state = 'RUNNING', fence = fence + 1, started_at = coalesce(started_at, now()), members_done = 0
       where id = $1 and state in ('QUEUED', 'RUNNING') returning ${COLUMNS}`,
      [id],
    );
  }

  async progress({ workspaceId, id, fence }: Attempt, done: number, total: number): Promise<void> {
    const sql = `update serving.exports set members_done = $3, members_total = $4 where ${OURS} returning ${COLUMNS}`;
    if (!(await this.one(workspaceId, sql, [id, fence, done, total]))) throw new StaleAttempt();
  }

  /** False where it was cancelled in the last moment: then the row names no file. */
  async succeed(attempt: Attempt, artifact: string, manifest: ExportManifest): Promise<boolean> {
    const unlessCancelled = (value: string) => `case when not cancel_requested then ${value} end`;
    const change = `state = coalesce(${unlessCancelled("'SUCCEEDED'")}, 'CANCELLED'), artifact = ${unlessCancelled('$3')}, manifest = ${unlessCancelled('$4::jsonb')}`;
    return (await this.finish(attempt, change, [artifact, JSON.stringify(manifest)])) === 'SUCCEEDED';
  }

  async end(attempt: Attempt, state: 'FAILED' | 'CANCELLED', error = ''): Promise<void> {
    await this.finish(attempt, 'state = $3, error = $4', [state, error]);
  }

  /** Asks a running export to stop, ends a waiting one at once; undefined: it had ended before. */
  cancel(workspaceId: string, id: string): Promise<ExportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ExportRow>(
        `update serving.exports set cancel_requested = true, state = case state when 'QUEUED' then 'CANCELLED' else state end,
           finished_at = case state when 'QUEUED' then now() end where id = $1 and state in ('QUEUED', 'RUNNING') returning ${COLUMNS}`,
        [id],
      );
      if (rows[0]?.state === 'CANCELLED') await close(client, id);
      return rows[0];
    });
  }

  /** Has whatever is being written begin anew: it may hold somebody who is to be forgotten. */
  async restart(workspaceId: string): Promise<void> {
    await this.database.onConnection(workspaceId, (client) => client.query(`update serving.exports set state = 'QUEUED', fence = fence + 1 where state = 'RUNNING'`));
  }

  /** Files that are kept; those that ended before `olderThanDays` alone, where that is given. */
  kept(workspaceId: string, olderThanDays = 0): Promise<KeptFile[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `select id, fence, format, artifact, manifest from serving.exports
        where artifact is not null and finished_at <= now() - $1 * interval '1 day' order by id`;
      return (await client.query<KeptFile>(sql, [olderThanDays])).rows;
    });
  }

  /** Names the file that took a file's place, or none; false where somebody else did meanwhile. */
  async replace(workspaceId: string, { id, fence }: KeptFile, artifact: string | null, manifest: ExportManifest): Promise<boolean> {
    const sql = `update serving.exports set artifact = $3, manifest = $4, fence = fence + 1 where id = $1 and fence = $2 and artifact is not null returning ${COLUMNS}`;
    return (await this.one(workspaceId, sql, [id, fence, artifact, JSON.stringify(manifest)])) !== undefined;
  }

  private async finish({ workspaceId, id, fence }: Attempt, change: string, values: readonly unknown[]): Promise<ExportState> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `update serving.exports set ${change}, finished_at = now() where ${OURS} returning state`;
      const { rows } = await client.query<{ state: ExportState }>(sql, [id, fence, ...values]);
      if (!rows[0]) throw new StaleAttempt();
      await close(client, id);
      return rows[0].state;
    });
  }

  private one(workspaceId: string, sql: string, values: readonly unknown[]): Promise<ExportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<ExportRow>(sql, [...values])).rows[0]);
  }
}

async function close(client: PoolClient, id: string): Promise<void> {
  await client.query('delete from serving.open_exports where workspace_id = kindred.workspace() and id = $1', [id]);
}
