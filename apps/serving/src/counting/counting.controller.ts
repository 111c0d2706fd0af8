import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { counting } from '#libs/contracts';

import { CountingService } from './counting.service.js';

@Controller()
@counting.CountingServiceControllerMethods()
export class CountingController implements counting.CountingServiceController {
  constructor(private readonly counting: CountingService) {}

  getCountReach(@Payload() request: counting.GetCountReachRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<counting.GetCountReachResponse> {
    return this.counting.reach(workspaceId, request);
  }
}
