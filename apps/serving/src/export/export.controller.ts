import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { exporting } from '#libs/contracts';

import { ExportScheduleService } from './export.schedule.service.js';
import { ExportService } from './export.service.js';

@Controller()
@exporting.ExportServiceControllerMethods()
@Requires('EDITOR')
export class ExportController implements exporting.ExportServiceController {
  constructor(
    private readonly exports: ExportService,
    private readonly schedules: ExportScheduleService,
  ) {}

  startExport(@Payload() request: exporting.StartExportRequest, @Caller() { workspaceId, actor }: WorkspacePrincipal): Promise<exporting.StartExportResponse> {
    return this.exports.start(workspaceId, actor, request);
  }

  getExport(@Payload() request: exporting.GetExportRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.GetExportResponse> {
    return this.exports.get(workspaceId, request);
  }

  listExports(@Payload() request: exporting.ListExportsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.ListExportsResponse> {
    return this.exports.list(workspaceId, request);
  }

  listExportsOfSchedules(@Payload() request: exporting.ListExportsOfSchedulesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.ListExportsOfSchedulesResponse> {
    return this.exports.listOfSchedules(workspaceId, request);
  }

  cancelExport(@Payload() request: exporting.CancelExportRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.CancelExportResponse> {
    return this.exports.cancel(workspaceId, request);
  }

  createExportSchedule(
    @Payload() request: exporting.CreateExportScheduleRequest,
    @Caller() { workspaceId, actor }: WorkspacePrincipal,
  ): Promise<exporting.CreateExportScheduleResponse> {
    return this.schedules.create(workspaceId, actor, request);
  }

  updateExportSchedule(
    @Payload() request: exporting.UpdateExportScheduleRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<exporting.UpdateExportScheduleResponse> {
    return this.schedules.update(workspaceId, request);
  }

  deleteExportSchedule(
    @Payload() request: exporting.DeleteExportScheduleRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<exporting.DeleteExportScheduleResponse> {
    return this.schedules.delete(workspaceId, request);
  }

  getExportSchedule(@Payload() request: exporting.GetExportScheduleRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.GetExportScheduleResponse> {
    return this.schedules.get(workspaceId, request);
  }

  listExportSchedules(@Payload() request: exporting.ListExportSchedulesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<exporting.ListExportSchedulesResponse> {
    return this.schedules.list(workspaceId, request);
  }
}
