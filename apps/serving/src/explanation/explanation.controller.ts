import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { explanation } from '#libs/contracts';

import { ExplanationService } from './explanation.service.js';

@Controller()
@explanation.ExplanationServiceControllerMethods()
export class ExplanationController implements explanation.ExplanationServiceController {
  constructor(private readonly explanations: ExplanationService) {}

  explainMembership(
    @Payload() request: explanation.ExplainMembershipRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<explanation.ExplainMembershipResponse> {
    return this.explanations.explain(workspaceId, request);
  }
}
