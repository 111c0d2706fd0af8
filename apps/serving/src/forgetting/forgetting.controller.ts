import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal, Requires } from '#libs/auth';
import { forgetting } from '#libs/contracts';

import { ChangeSignal } from '../change/change.signal.js';
import { onlyUuids } from '../page/uuid.js';
import { ForgettingRepository } from './forgetting.repository.js';

@Controller()
@forgetting.ForgettingServiceControllerMethods()
export class ForgettingController implements forgetting.ForgettingServiceController {
  constructor(
    private readonly repository: ForgettingRepository,
    private readonly changes: ChangeSignal,
  ) {}

  @Requires('SERVICE')
  async forgetCustomers(
    @Payload() { customerIds }: forgetting.ForgetCustomersRequest,
    @Caller() { workspaceId }: Principal & { workspaceId: string },
  ): Promise<forgetting.ForgetCustomersResponse> {
    const removed = await this.repository.forget(workspaceId, onlyUuids(customerIds));
    this.changes.announce(workspaceId);
    return { tables: Object.entries(removed).map(([table, rows]) => ({ table, rows })) };
  }
}
