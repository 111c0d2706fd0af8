import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import type { PageAsked } from '../page/page.js';
import { DATABASE } from '../store.js';
import type { ColumnChoice } from './export.columns.js';
import type { Timetable } from './export.schedule.time.js';
import type { FileFormat } from './member.file.js';

export interface ScheduleRow extends Timetable, ColumnChoice {
  readonly id: string;
  readonly segmentId: string;
  readonly format: FileFormat;
  readonly isPaused: boolean;
  readonly requestedBy: string;
  readonly createdAt: Date;
}

export type NewSchedule = Pick<ScheduleRow, 'id' | 'segmentId' | 'format' | 'columns' | 'attributes' | 'cron' | 'timeZone' | 'requestedBy'>;

/** What of a schedule can be changed. */
export type ScheduleChange = Pick<ScheduleRow, 'id' | 'columns' | 'attributes' | 'cron' | 'timeZone' | 'isPaused'>;

export interface OpenSchedule {
  readonly workspaceId: string;
  readonly id: string;
}

const COLUMNS = `id, segment_id as "segmentId", format, columns, attributes, cron, time_zone as "timeZone", is_paused as "isPaused", requested_by as "requestedBy", created_at as "createdAt"`;

/** Rows of schedules; `open_export_schedules` follows them in the same transactions. */
@Injectable()
export class ExportScheduleRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Undefined where the workspace has `most` already. */
  insert(workspaceId: string, { id, segmentId, format, columns, attributes, cron, timeZone, requestedBy }: NewSchedule, most: number): Promise<ScheduleRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(`select pg_advisory_xact_lock(hashtextextended('kindred.serving.export_schedules:' || $1, 0))`, [workspaceId]);
      const { rows } = await client.query<ScheduleRow>(
        `insert into serving.export_schedules (workspace_id, id, segment_id, format, columns, attributes, cron, time_zone, requested_by)
         select kindred.workspace(), $1, $2, $3, $8, $9, $4, $5, $6 where (select count(*) from serving.export_schedules) < $7 returning ${COLUMNS}`,
        [id, segmentId, format, cron, timeZone, requestedBy, most, columns, attributes],
      );
      if (rows[0]) await setOpen(client, id, true);
      return rows[0];
    });
  }

  find(workspaceId: string, id: string): Promise<ScheduleRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<ScheduleRow>(`select ${COLUMNS} from serving.export_schedules where id = $1`, [id])).rows[0]);
  }

  /** Undefined where there is none. */
  update(workspaceId: string, { id, columns, attributes, cron, timeZone, isPaused }: ScheduleChange): Promise<ScheduleRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `update serving.export_schedules set cron = $2, time_zone = $3, is_paused = $4, columns = $5, attributes = $6 where id = $1 returning ${COLUMNS}`;
      const { rows } = await client.query<ScheduleRow>(sql, [id, cron, timeZone, isPaused, columns, attributes]);
      if (rows[0]) await setOpen(client, id, !isPaused);
      return rows[0];
    });
  }

  /** False where there is none. */
  delete(workspaceId: string, id: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      await setOpen(client, id, false);
      return (await client.query('delete from serving.export_schedules where id = $1', [id])).rowCount === 1;
    });
  }

  /** Newest first, one row more than asked for, and how many there are. */
  list(workspaceId: string, segmentId: string | null, { first, after }: PageAsked<string>): Promise<{ rows: ScheduleRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ScheduleRow>(
        `select ${COLUMNS} from serving.export_schedules where ($1::uuid is null or segment_id = $1) and ($2::uuid is null or id < $2) order by id desc limit $3`,
        [segmentId, after ?? null, first + 1],
      );
      const counted = await client.query<{ total: number }>(
        'select count(*)::float8 as total from serving.export_schedules where $1::uuid is null or segment_id = $1',
        [segmentId],
      );
      return { rows, total: counted.rows[0]?.total ?? 0 };
    });
  }

  /** Over all workspaces. */
  async open(): Promise<OpenSchedule[]> {
    return (await this.database.pool.query<OpenSchedule>('select workspace_id as "workspaceId", id from serving.open_export_schedules')).rows;
  }
}

async function setOpen(client: PoolClient, id: string, isOpen: boolean): Promise<void> {
  if (isOpen) await client.query('insert into serving.open_export_schedules (workspace_id, id) values (kindred.workspace(), $1) on conflict do nothing', [id]);
  else await client.query('delete from serving.open_export_schedules where workspace_id = kindred.workspace() and id = $1', [id]);
}
