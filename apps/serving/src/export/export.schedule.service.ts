import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { exporting } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage, RpcError, status } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { cursorFormat, pageAsked } from '../page/page.js';
import { NIL, uuidFilter } from '../page/uuid.js';
import type { Context } from '../store.js';
import { columnChoice, toColumns } from './export.columns.js';
import { toSchedule } from './export.mapper.js';
import { ExportScheduleQueue } from './export.schedule.queue.js';
import { ExportScheduleRepository, type ScheduleRow } from './export.schedule.repository.js';
import { type Timetable, timetable } from './export.schedule.time.js';
import { ExportService } from './export.service.js';

const MOST_SCHEDULES = 100;

const byId = cursorFormat(z.uuid());

/** Exports that come by the clock, as they are asked for from outside. */
@Injectable()
export class ExportScheduleService {
  constructor(
    private readonly schedules: ExportScheduleRepository,
    private readonly queue: ExportScheduleQueue,
    private readonly exports: ExportService,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async create(workspaceId: string, requestedBy: string, request: exporting.CreateExportScheduleRequest): Promise<exporting.CreateExportScheduleResponse> {
    const asked = await this.exports.asked(workspaceId, request);
    const row = await this.schedules.insert(workspaceId, { id: uuid(), requestedBy, ...asked, ...this.timetable(request) }, MOST_SCHEDULES);
    if (!row) throw new RpcError(status.RESOURCE_EXHAUSTED, `A workspace has at most ${MOST_SCHEDULES} schedules. Delete one first.`, { reason: 'TOO_MANY_SCHEDULES' });
    await this.tell(workspaceId, row);
    return { schedule: toSchedule(row) };
  }

  async update(workspaceId: string, { id, cron, timeZone, paused, columns, attributes }: exporting.UpdateExportScheduleRequest): Promise<exporting.UpdateExportScheduleResponse> {
    const was = await this.found(workspaceId, id);
    const table = this.timetable({ cron: cron ?? was.cron, timeZone: timeZone ?? was.timeZone });
    const choice = columnChoice({ columns: columns ?? { columns: toColumns(was.columns) }, attributes: attributes?.names ?? was.attributes });
    const row = await this.schedules.update(workspaceId, { id: was.id, isPaused: paused ?? was.isPaused, ...table, ...choice });
    if (!row) throw unknown();
    await this.tell(workspaceId, row);
    return { schedule: toSchedule(row) };
  }

  async delete(workspaceId: string, { id }: exporting.DeleteExportScheduleRequest): Promise<exporting.DeleteExportScheduleResponse> {
    const own = uuidFilter(id) ?? NIL;
    if (!(await this.schedules.delete(workspaceId, own))) throw unknown();
    await this.laxly(this.queue.drop(own));
    return {};
  }

  async get(workspaceId: string, { id }: exporting.GetExportScheduleRequest): Promise<exporting.GetExportScheduleResponse> {
    return { schedule: toSchedule(await this.found(workspaceId, id)) };
  }

  async list(workspaceId: string, { page, segmentId }: exporting.ListExportSchedulesRequest): Promise<exporting.ListExportSchedulesResponse> {
    const asked = pageAsked(page, byId);
    const { rows, total } = await this.schedules.list(workspaceId, uuidFilter(segmentId), asked);
    const cut = cutPage(rows, asked.first, total, ({ id }) => byId.write(id));
    return { schedules: cut.rows.map(toSchedule), pageInfo: cut.pageInfo };
  }

  private timetable({ cron, timeZone }: Timetable): Timetable {
    return timetable(cron, timeZone, this.context.config.EXPORT_EVERY_SECONDS * 1_000);
  }

  private async tell(workspaceId: string, row: ScheduleRow): Promise<void> {
    await this.laxly(row.isPaused ? this.queue.drop(row.id) : this.queue.follow({ workspaceId, scheduleId: row.id }, row));
  }

  /** While Redis is away the row is enough: the reconciler tells it. */
  private async laxly(telling: Promise<void>): Promise<void> {
    await telling.catch((error: unknown) => this.context.log.debug({ err: error }, 'an export schedule waits for the queue'));
  }

  private async found(workspaceId: string, id: string): Promise<ScheduleRow> {
    const row = await this.schedules.find(workspaceId, uuidFilter(id) ?? NIL);
    if (!row) throw unknown();
    return row;
  }
}

function unknown(): RpcError {
  return RpcError.notFound('There is no such schedule.', { reason: 'SCHEDULE_UNKNOWN' });
}
