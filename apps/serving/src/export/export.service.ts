import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import type { exporting } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage, RpcError, status } from '#libs/grpc';
import { type ExportPayload, JobQueue } from '#libs/queue';
import { SERVICE } from '#libs/service';

import { AnswerablePast } from '../history/answerable.past.js';
import { cursorFormat, pageAsked, pageOfEach } from '../page/page.js';
import { distinctUuids, NIL, uuidFilter } from '../page/uuid.js';
import type { Context } from '../store.js';
import { type ColumnChoice, columnChoice } from './export.columns.js';
import { formatOf, toExport } from './export.mapper.js';
import { ExportRepository, type ExportRow, type NewExport } from './export.repository.js';
import type { FileFormat } from './member.file.js';

/** Under way at the same time, in a workspace. */
const MOST_EXPORTS = 20;

const byId = cursorFormat(z.uuid());

/** What a file is to be of, and to hold. */
interface ExportContent extends ColumnChoice {
  readonly segmentId: string;
  readonly format: FileFormat;
}

/** Exports, as they are asked for from outside. */
@Injectable()
export class ExportService {
  constructor(
    private readonly exports: ExportRepository,
    private readonly queue: JobQueue<ExportPayload>,
    private readonly past: AnswerablePast,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async start(workspaceId: string, requestedBy: string, request: exporting.StartExportRequest): Promise<exporting.StartExportResponse> {
    const content = await this.asked(workspaceId, request);
    const asOf = request.asOf === undefined ? null : await this.past.of(workspaceId, request.asOf);
    if (asOf !== null && content.columns.includes('NOVELTY')) {
      throw RpcError.invalid('columns: how unusual members were at an earlier time is not kept. Leave NOVELTY out, or asOf.', { reason: 'COLUMNS_INVALID' });
    }
    const row = await this.insert(workspaceId, { id: uuid(), ...content, requestedBy, asOf, schedule: null });
    if (!row) {
      throw new RpcError(status.RESOURCE_EXHAUSTED, `${MOST_EXPORTS} exports are under way already. Wait for one to end, or cancel one.`, { reason: 'TOO_MANY_EXPORTS' });
    }
    return { export: toExport(row) };
  }

  /** Of a schedule; a tick that has its export already makes no other. */
  async startDue(workspaceId: string, of: ExportContent & { readonly id: string; readonly requestedBy: string }, due: Date): Promise<void> {
    const { id, segmentId, format, columns, attributes, requestedBy } = of;
    await this.insert(workspaceId, { id: uuid(), segmentId, format, columns, attributes, requestedBy, asOf: null, schedule: { id, due } });
  }

  async get(workspaceId: string, { id }: exporting.GetExportRequest): Promise<exporting.GetExportResponse> {
    return { export: toExport(await this.found(workspaceId, id)) };
  }

  async list(workspaceId: string, { page, segmentId, scheduleId }: exporting.ListExportsRequest): Promise<exporting.ListExportsResponse> {
    const asked = pageAsked(page, byId);
    const { rows, total } = await this.exports.list(workspaceId, { segmentId: uuidFilter(segmentId), scheduleId: uuidFilter(scheduleId) }, asked);
    const cut = cutPage(rows, asked.first, total, ({ id }) => byId.write(id));
    return { exports: cut.rows.map(toExport), pageInfo: cut.pageInfo };
  }

  /** A page of each schedule. */
  async listOfSchedules(workspaceId: string, { scheduleIds, page, withTotal }: exporting.ListExportsOfSchedulesRequest): Promise<exporting.ListExportsOfSchedulesResponse> {
    const asked = pageOfEach(scheduleIds, page, byId);
    const { rows, totals } = await this.exports.ofSchedules(workspaceId, distinctUuids(scheduleIds), asked, withTotal);
    return {
      schedules: scheduleIds.map((scheduleId) => {
        const id = scheduleId.toLowerCase();
        const cut = cutPage(rows.get(id) ?? [], asked.first, totals.get(id) ?? 0, (row) => byId.write(row.id));
        return { scheduleId, exports: cut.rows.map(toExport), pageInfo: cut.pageInfo };
      }),
    };
  }

  async cancel(workspaceId: string, { id }: exporting.CancelExportRequest): Promise<exporting.CancelExportResponse> {
    const row = await this.exports.cancel(workspaceId, uuidFilter(id) ?? NIL);
    if (row) return { export: toExport(row) };
    const { state } = await this.found(workspaceId, id);
    throw RpcError.precondition(`The export has ended (${state}).`, { reason: 'EXPORT_ENDED' });
  }

  /** What an export or a schedule is to be of. */
  async asked(workspaceId: string, request: Pick<exporting.StartExportRequest, 'segmentId' | 'format' | 'columns' | 'attributes'>): Promise<ExportContent> {
    const format = formatOf(request.format);
    if (!format) throw RpcError.invalid('format: say CSV or PARQUET.', { reason: 'FORMAT_MISSING' });
    const choice = columnChoice(request);
    const segmentId = uuidFilter(request.segmentId) ?? NIL;
    if (!(await this.exports.hasSegment(workspaceId, segmentId))) throw RpcError.notFound('There is no such segment.', { reason: 'SEGMENT_UNKNOWN' });
    return { segmentId, format, ...choice };
  }

  private async insert(workspaceId: string, made: NewExport): Promise<ExportRow | undefined> {
    const row = await this.exports.insert(workspaceId, made, MOST_EXPORTS);
    // The reconciler finds it in any case.
    if (row) await this.queue.enqueue({ workspaceId, exportId: row.id }).catch((error: unknown) => this.context.log.debug({ err: error }, 'an export waits for the queue'));
    return row;
  }

  private async found(workspaceId: string, id: string): Promise<ExportRow> {
    const row = await this.exports.find(workspaceId, uuidFilter(id) ?? NIL);
    if (!row) throw RpcError.notFound('There is no such export.', { reason: 'EXPORT_UNKNOWN' });
    return row;
  }
}
