import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { prediction } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { PredictionService } from './prediction.service.js';

@Controller()
@prediction.PredictionServiceControllerMethods()
export class PredictionController implements prediction.PredictionServiceController {
  constructor(private readonly predictions: PredictionService) {}

  getPredictions(@Payload() { customerIds }: prediction.GetPredictionsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<prediction.GetPredictionsResponse> {
    return this.predictions.ofCustomers(workspaceId, customerIds);
  }

  @Requires('SERVICE')
  loadPredictions(@Payload() request: prediction.LoadPredictionsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Observable<prediction.LoadPredictionsResponse> {
    return toObservable((signal) => this.predictions.load(workspaceId, request, signal));
  }

  @Requires('SERVICE')
  async dropPredictions(@Payload() { labelSetId }: prediction.DropPredictionsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<prediction.DropPredictionsResponse> {
    await this.predictions.drop(workspaceId, labelSetId);
    return {};
  }
}
