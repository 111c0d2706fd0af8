import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { forgetting } from '#libs/contracts';

import { ChangeSignal } from '../change/change.signal.js';
import { ExportForgetting } from '../export/export.forgetting.js';
import { onlyUuids } from '../page/uuid.js';
import { ForgettingRepository } from './forgetting.repository.js';

@Controller()
@forgetting.ForgettingServiceControllerMethods()
export class ForgettingController implements forgetting.ForgettingServiceController {
  constructor(
    private readonly repository: ForgettingRepository,
    private readonly changes: ChangeSignal,
    private readonly exports: ExportForgetting,
  ) {}

  @Requires('SERVICE')
  async forgetCustomers(
    @Payload() { customerIds }: forgetting.ForgetCustomersRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<forgetting.ForgetCustomersResponse> {
    const ids = onlyUuids(customerIds);
    const removed = await this.repository.forget(workspaceId, ids);
    this.changes.announce(workspaceId);
    // Members first: what is exported from here on is without them.
    return { tables: tablesOf({ ...removed, ...(await this.exports.forget(workspaceId, ids)) }) };
  }

  @Requires('SERVICE')
  async forgetExported(
    @Payload() { customerIds }: forgetting.ForgetExportedRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<forgetting.ForgetExportedResponse> {
    return { tables: tablesOf(await this.exports.forget(workspaceId, onlyUuids(customerIds))) };
  }
}

function tablesOf(rows: Readonly<Record<string, number>>): forgetting.ForgottenRows[] {
  return Object.entries(rows).map(([table, count]) => ({ table, rows: count }));
}
