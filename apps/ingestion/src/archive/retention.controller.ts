import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { retention } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { cutOf, ISO_MICROS, pageOf, UUID } from '../page.js';
import { archiveOf, policyOf, requestOf } from './retention.mapper.js';
import { RetentionService } from './retention.service.js';

const DEFAULT_KEEP_DAYS = 30;

@Controller()
@Requires('ADMIN')
@retention.RetentionServiceControllerMethods()
export class RetentionController implements retention.RetentionServiceController {
  constructor(private readonly retention: RetentionService) {}

  async getRetentionPolicy(_request: retention.GetRetentionPolicyRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<retention.GetRetentionPolicyResponse> {
    return { policy: policyOf(await this.retention.policy(workspaceId)) };
  }

  async setRetentionPolicy(@Payload() { policy }: retention.SetRetentionPolicyRequest, @Caller() caller: WorkspacePrincipal): Promise<retention.SetRetentionPolicyResponse> {
    const given = { archiveAfterDays: policy?.archiveAfterDays || null, dropAfterDays: policy?.dropAfterDays || null };
    return { policy: policyOf(await this.retention.setPolicy(caller, given)) };
  }

  async listEventArchives(@Payload() request: retention.ListEventArchivesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<retention.ListEventArchivesResponse> {
    const cut = cutOf(request.page, [ISO_MICROS, UUID]);
    const { rows, total } = await this.retention.listArchives(workspaceId, cut);
    const page = pageOf(rows, cut, total, ({ period_start, id }) => [period_start, id]);
    return { archives: page.rows.map(archiveOf), pageInfo: page.pageInfo };
  }

  async archiveEvents(@Payload() { before }: retention.ArchiveEventsRequest, @Caller() caller: WorkspacePrincipal): Promise<retention.ArchiveEventsResponse> {
    if (before === undefined) throw RpcError.invalid('Say before which time months must have ended.', { reason: 'TIME_MISSING' });
    return { request: requestOf(await this.retention.archive(caller, before)) };
  }

  async replayArchive(@Payload() { archiveId, writeKey }: retention.ReplayArchiveRequest, @Caller() caller: WorkspacePrincipal): Promise<retention.ReplayArchiveResponse> {
    return { request: requestOf(await this.retention.replay(caller, archiveId, writeKey)) };
  }

  async restoreArchive(@Payload() { archiveId, keepDays }: retention.RestoreArchiveRequest, @Caller() caller: WorkspacePrincipal): Promise<retention.RestoreArchiveResponse> {
    return { request: requestOf(await this.retention.restore(caller, archiveId, keepDays || DEFAULT_KEEP_DAYS)) };
  }

  async getArchiveRequest(@Payload() { id }: retention.GetArchiveRequestRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<retention.GetArchiveRequestResponse> {
    return { request: requestOf(await this.retention.request(workspaceId, id)) };
  }

  async listArchiveRequests(@Payload() request: retention.ListArchiveRequestsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<retention.ListArchiveRequestsResponse> {
    const cut = cutOf(request.page, [UUID]);
    const { rows, total } = await this.retention.listRequests(workspaceId, cut);
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { requests: page.rows.map(requestOf), pageInfo: page.pageInfo };
  }

  async cancelArchiveRequest(@Payload() { id }: retention.CancelArchiveRequestRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<retention.CancelArchiveRequestResponse> {
    return { request: requestOf(await this.retention.cancel(workspaceId, id)) };
  }
}
