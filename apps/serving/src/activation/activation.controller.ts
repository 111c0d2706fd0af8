import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { serving } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { ActivationService, ActiveModelService } from './activation.service.js';

@Controller()
@serving.ActivationServiceControllerMethods()
export class ActivationController implements serving.ActivationServiceController {
  constructor(
    private readonly activations: ActivationService,
    private readonly active: ActiveModelService,
  ) {}

  @Requires('SERVICE')
  prepareShadow(@Payload() request: serving.PrepareShadowRequest, @Caller() { workspaceId }: WorkspacePrincipal): Observable<serving.PrepareShadowResponse> {
    return toObservable(() => this.activations.prepare(workspaceId, request));
  }

  @Requires('SERVICE')
  activate(@Payload() request: serving.ActivateRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.ActivateResponse> {
    return this.activations.activate(workspaceId, request);
  }

  getActiveModel(@Payload() _request: serving.GetActiveModelRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.GetActiveModelResponse> {
    return this.active.get(workspaceId);
  }
}
