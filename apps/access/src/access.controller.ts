import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { access } from '#libs/contracts';

import { AuditService } from './audit/audit.service.js';
import { KeyFeed } from './key/key.feed.js';
import { KeyService } from './key/key.service.js';
import { WorkspaceService } from './workspace/workspace.service.js';

@Controller()
@access.AccessServiceControllerMethods()
export class AccessController implements access.AccessServiceController {
  constructor(
    private readonly workspaces: WorkspaceService,
    private readonly keys: KeyService,
    private readonly feed: KeyFeed,
    private readonly audit: AuditService,
  ) {}

  @Requires('SERVICE')
  watchKeys(): Observable<access.WatchKeysResponse> {
    return this.feed.watch();
  }

  @Requires('SERVICE')
  async bootstrapWorkspace(@Payload() request: access.BootstrapWorkspaceRequest): Promise<access.BootstrapWorkspaceResponse> {
    return this.workspaces.bootstrap(request, 'service:operator');
  }

  @Requires('SERVICE')
  async listWorkspaces(@Payload() { page }: access.ListWorkspacesRequest): Promise<access.ListWorkspacesResponse> {
    return this.workspaces.list(page);
  }

  async getWorkspace(@Payload() _request: access.GetWorkspaceRequest, @Caller() caller: WorkspacePrincipal): Promise<access.GetWorkspaceResponse> {
    return { workspace: await this.workspaces.get(caller.workspaceId) };
  }

  @Requires('ADMIN')
  async updateWorkspaceSettings(
    @Payload() request: access.UpdateWorkspaceSettingsRequest,
    @Caller() caller: WorkspacePrincipal,
  ): Promise<access.UpdateWorkspaceSettingsResponse> {
    return { workspace: await this.workspaces.updateSettings(caller.workspaceId, caller.actor, request) };
  }

  @Requires('ADMIN')
  async createKey(@Payload() request: access.CreateKeyRequest, @Caller() caller: WorkspacePrincipal): Promise<access.CreateKeyResponse> {
    return this.keys.create(caller.workspaceId, request);
  }

  @Requires('ADMIN')
  async revokeKey(@Payload() { id }: access.RevokeKeyRequest, @Caller() caller: WorkspacePrincipal): Promise<access.RevokeKeyResponse> {
    return { key: await this.keys.revoke(caller.workspaceId, id) };
  }

  @Requires('ADMIN')
  async rotateKey(@Payload() request: access.RotateKeyRequest, @Caller() caller: WorkspacePrincipal): Promise<access.RotateKeyResponse> {
    return this.keys.rotate(caller.workspaceId, request);
  }

  @Requires('ADMIN')
  async listKeys(@Payload() { page }: access.ListKeysRequest, @Caller() caller: WorkspacePrincipal): Promise<access.ListKeysResponse> {
    return this.keys.list(caller.workspaceId, page);
  }

  @Requires('SERVICE')
  async recordAudit(@Payload() { entry }: access.RecordAuditRequest, @Caller() caller: WorkspacePrincipal): Promise<access.RecordAuditResponse> {
    await this.audit.record(caller.workspaceId, entry);
    return {};
  }

  @Requires('ADMIN')
  async listAudit(@Payload() { page, ...filter }: access.ListAuditRequest, @Caller() caller: WorkspacePrincipal): Promise<access.ListAuditResponse> {
    return this.audit.list(caller.workspaceId, page, filter);
  }
}
