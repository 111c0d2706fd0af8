import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, type Principal, Requires } from '#libs/auth';
import { ingestion } from '#libs/contracts';
import { expectFewIds, RpcError, toObservable } from '#libs/grpc';

import { cutOf, UUID } from '../page.js';
import { ImportService } from './import.service.js';

type InWorkspace = Principal & { workspaceId: string };

@Controller()
@ingestion.ImportServiceControllerMethods()
export class ImportController implements ingestion.ImportServiceController {
  constructor(private readonly imports: ImportService) {}

  @Requires('ADMIN')
  async startImport(@Payload() request: ingestion.StartImportRequest, @Caller() { workspaceId }: InWorkspace): Promise<ingestion.StartImportResponse> {
    return { import: await this.imports.start(workspaceId, request) };
  }

  @Requires('VIEWER')
  async getImports(@Payload() { ids }: ingestion.GetImportsRequest, @Caller() { workspaceId }: InWorkspace): Promise<ingestion.GetImportsResponse> {
    expectFewIds(ids);
    return { imports: await this.imports.several(workspaceId, ids.filter((id) => UUID.test(id))) };
  }

  @Requires('VIEWER')
  listImports(@Payload() { page }: ingestion.ListImportsRequest, @Caller() { workspaceId }: InWorkspace): Promise<ingestion.ListImportsResponse> {
    return this.imports.list(workspaceId, cutOf(page, [UUID]));
  }

  @Requires('VIEWER')
  watchImport(@Payload() { id }: ingestion.WatchImportRequest, @Caller() { workspaceId }: InWorkspace): Observable<ingestion.WatchImportResponse> {
    return toObservable((signal) => this.imports.watch(workspaceId, known(id), signal));
  }

  @Requires('ADMIN')
  async cancelImport(@Payload() { id }: ingestion.CancelImportRequest, @Caller() { workspaceId }: InWorkspace): Promise<ingestion.CancelImportResponse> {
    return { import: await this.imports.cancel(workspaceId, known(id)) };
  }

  @Requires('ADMIN')
  async previewImport(@Payload() request: ingestion.PreviewImportRequest, @Caller() { workspaceId }: InWorkspace): Promise<ingestion.PreviewImportResponse> {
    return this.imports.preview(workspaceId, request, request.rows);
  }
}

function known(id: string): string {
  if (UUID.test(id)) return id;
  throw RpcError.notFound(`There is no import ${id}.`, { reason: 'IMPORT_UNKNOWN' });
}
