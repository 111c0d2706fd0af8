import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { from, map, type Observable, switchMap } from 'rxjs';

import { Caller, type Principal, Requires } from '#libs/auth';
import { training } from '#libs/contracts';

import { RunService } from './run.service.js';
import { RunWatch } from './run.watch.js';

type InWorkspace = Principal & { workspaceId: string };

@Controller()
@training.RunServiceControllerMethods()
export class RunController implements training.RunServiceController {
  constructor(
    private readonly runs: RunService,
    private readonly watch: RunWatch,
  ) {}

  @Requires('EDITOR')
  async startRun(@Payload() request: training.StartRunRequest, @Caller() caller: InWorkspace): Promise<training.StartRunResponse> {
    return { run: await this.runs.start(caller, request) };
  }

  async getRuns(@Payload() request: training.GetRunsRequest, @Caller() { workspaceId }: InWorkspace): Promise<training.GetRunsResponse> {
    return { runs: await this.runs.several(workspaceId, request) };
  }

  listRuns(@Payload() request: training.ListRunsRequest, @Caller() { workspaceId }: InWorkspace): Promise<training.ListRunsResponse> {
    return this.runs.list(workspaceId, request);
  }

  @Requires('EDITOR')
  async cancelRun(@Payload() { id }: training.CancelRunRequest, @Caller() { workspaceId }: InWorkspace): Promise<training.CancelRunResponse> {
    return { run: await this.runs.cancel(workspaceId, id) };
  }

  watchRun(@Payload() { id }: training.WatchRunRequest, @Caller() { workspaceId }: InWorkspace): Observable<training.WatchRunResponse> {
    return from(this.runs.get(workspaceId, id)).pipe(
      switchMap(() => this.watch.watch(workspaceId, id)),
      map((run) => ({ run })),
    );
  }
}
