import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { trackingPlan } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { modeOf, planOf, violationOf } from './tracking-plan.mapper.js';
import { TrackingPlanRepository } from './tracking-plan.repository.js';
import { TrackingPlanService } from './tracking-plan.service.js';

const USUAL_ROWS = 25;
const MOST_ROWS = 100;

@Controller()
@trackingPlan.TrackingPlanServiceControllerMethods()
export class TrackingPlanController implements trackingPlan.TrackingPlanServiceController {
  constructor(
    private readonly plans: TrackingPlanService,
    private readonly repository: TrackingPlanRepository,
  ) {}

  async getTrackingPlan(@Payload() _request: trackingPlan.GetTrackingPlanRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<trackingPlan.GetTrackingPlanResponse> {
    return { plan: planOf(await this.plans.get(workspaceId)) };
  }

  @Requires('ADMIN')
  async setTrackingPlanEvent(
    @Payload() { event, schema, mode }: trackingPlan.SetTrackingPlanEventRequest,
    @Caller() { workspaceId, actor }: WorkspacePrincipal,
  ): Promise<trackingPlan.SetTrackingPlanEventResponse> {
    return { plan: planOf(await this.plans.set(workspaceId, actor, { event, schema, mode: modeOf(mode) })) };
  }

  @Requires('ADMIN')
  async removeTrackingPlanEvent(
    @Payload() { event }: trackingPlan.RemoveTrackingPlanEventRequest,
    @Caller() { workspaceId, actor }: WorkspacePrincipal,
  ): Promise<trackingPlan.RemoveTrackingPlanEventResponse> {
    return { plan: planOf(await this.plans.remove(workspaceId, actor, event)) };
  }

  async listTrackingPlanViolations(
    @Payload() { event, from, first }: trackingPlan.ListTrackingPlanViolationsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<trackingPlan.ListTrackingPlanViolationsResponse> {
    if (first > MOST_ROWS) throw RpcError.invalid(`A list has at most ${MOST_ROWS} rows.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_ROWS) } });
    const { rows, total } = await this.repository.violations(workspaceId, event, from, first || USUAL_ROWS);
    return { violations: rows.map(violationOf), totalCount: total };
  }
}
