import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal } from '#libs/auth';
import { foresight } from '#libs/contracts';

import { ForecastService } from './forecast.service.js';
import { NoveltyService } from './novelty.service.js';
import { RecommendationService } from './recommendation.service.js';

type Member = Principal & { readonly workspaceId: string };

@Controller()
@foresight.ForesightServiceControllerMethods()
export class ForesightController implements foresight.ForesightServiceController {
  constructor(
    private readonly forecasts: ForecastService,
    private readonly recommendations: RecommendationService,
    private readonly novelty: NoveltyService,
  ) {}

  getForecasts(@Payload() request: foresight.GetForecastsRequest, @Caller() { workspaceId }: Member): Promise<foresight.GetForecastsResponse> {
    return this.forecasts.ofCustomers(workspaceId, request);
  }

  recommendItems(@Payload() request: foresight.RecommendItemsRequest, @Caller() { workspaceId }: Member): Promise<foresight.RecommendItemsResponse> {
    return this.recommendations.ofCustomers(workspaceId, request);
  }

  getEventNovelty(@Payload() request: foresight.GetEventNoveltyRequest, @Caller() { workspaceId }: Member): Promise<foresight.GetEventNoveltyResponse> {
    return this.novelty.ofEvents(workspaceId, request);
  }
}
