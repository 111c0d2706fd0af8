import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { from, map, type Observable, switchMap } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { training } from '#libs/contracts';

import { RunService } from './run.service.js';
import { RunWatch } from './run.watch.js';

@Controller()
@training.RunServiceControllerMethods()
export class RunController implements training.RunServiceController {
  constructor(
    private readonly runs: RunService,
    private readonly watch: RunWatch,
  ) {}

  @Requires('EDITOR')
  async startRun(@Payload() request: training.StartRunRequest, @Caller() caller: WorkspacePrincipal): Promise<training.StartRunResponse> {
    return { run: await this.runs.start(caller, request) };
  }

  async getRuns(@Payload() request: training.GetRunsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.GetRunsResponse> {
    return { runs: await this.runs.several(workspaceId, request) };
  }

  listRuns(@Payload() request: training.ListRunsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.ListRunsResponse> {
    return this.runs.list(workspaceId, request);
  }

  @Requires('EDITOR')
  async cancelRun(@Payload() { id }: training.CancelRunRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.CancelRunResponse> {
    return { run: await this.runs.cancel(workspaceId, id) };
  }

  async getSpecChoices(_request: training.GetSpecChoicesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.GetSpecChoicesResponse> {
    return { choices: await this.runs.specChoices(workspaceId) };
  }

  watchRun(@Payload() { id }: training.WatchRunRequest, @Caller() { workspaceId }: WorkspacePrincipal): Observable<training.WatchRunResponse> {
    return from(this.runs.get(workspaceId, id)).pipe(
      switchMap(() => this.watch.watch(workspaceId, id)),
      map((run) => ({ run })),
    );
  }
}
