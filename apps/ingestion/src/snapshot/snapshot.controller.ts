import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { ingestion } from '#libs/contracts';
import { expectFewIds, RpcError, toObservable } from '#libs/grpc';

import { SnapshotService } from './snapshot.service.js';

@Controller()
@ingestion.SnapshotServiceControllerMethods()
export class SnapshotController implements ingestion.SnapshotServiceController {
  constructor(private readonly snapshots: SnapshotService) {}

  async findMissingNames(@Payload() asked: ingestion.FindMissingNamesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.FindMissingNamesResponse> {
    expectFewIds([...asked.events, ...asked.properties, ...asked.numbers]);
    const { events, properties, numbers } = await this.snapshots.missing(workspaceId, asked);
    return { events: [...events], properties: [...properties], numbers: [...numbers] };
  }

  @Requires('EDITOR')
  createSnapshot(@Payload() request: ingestion.CreateSnapshotRequest, @Caller() { workspaceId }: WorkspacePrincipal): Observable<ingestion.CreateSnapshotResponse> {
    if (!request.requestId) throw RpcError.invalid('A snapshot needs a request id, which makes the call idempotent.', { reason: 'REQUEST_ID_MISSING' });
    return toObservable((signal) => this.snapshots.create(workspaceId, request.requestId, request.position, signal));
  }

  @Requires('EDITOR')
  async removeSnapshot(@Payload() { requestId }: ingestion.RemoveSnapshotRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.RemoveSnapshotResponse> {
    await this.snapshots.remove(workspaceId, requestId);
    return {};
  }
}
