import { Inject, Injectable } from '@nestjs/common';
import { type Job, WaitingError } from 'bullmq';

import { worker } from '#libs/contracts';
import { JobWorker, RUN_QUEUE, RUN_STEP_LOCK, runStepBackoff, type RunStepPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { ModelService } from '../model/model.service.js';
import { ServiceStopping, StepExecution } from '../step/execution.js';
import { StepFailures } from '../step/failures.js';
import { type BegunStep, StaleToken, StepRepository, type StepToken } from '../step/step.repository.js';
import { type ResultOf, type Step, STEPS } from '../step/step.js';
import type { TrainingConfig } from '../training.config.js';
import { RunEnd } from './run.end.js';

/** Works on the steps of runs: one job, one step, one execution that holds the run's token. */
@Injectable()
export class RunProcessor extends JobWorker<RunStepPayload> {
  private readonly executions = new Set<StepExecution>();
  private isStopping = false;

  constructor(
    @Inject(STEPS) private readonly steps: readonly Step[],
    private readonly repository: StepRepository,
    private readonly failures: StepFailures,
    private readonly models: ModelService,
    private readonly end: RunEnd,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {
    const { config, log } = service;
    super(RUN_QUEUE, config.REDIS_URL, log, { ...RUN_STEP_LOCK, concurrency: config.RUN_CONCURRENCY, settings: { backoffStrategy: runStepBackoff } });
  }

  /** Hands back what is being worked on before anything is closed; another replica, or the next start, goes on. */
  protected override stop(): void {
    this.isStopping = true;
    for (const execution of this.executions) execution.stop(new ServiceStopping());
  }

  protected async process(job: Job<RunStepPayload>, token: string | undefined): Promise<void> {
    const step = this.steps.find(({ state }) => state === job.data.state);
    if (!step) throw new Error(`no step works in ${job.data.state}`);
    const begun = await this.repository.begin(job.data, (transaction) => step.decide(transaction, job.data.workspaceId));
    if (begun === 'STALE' || begun === 'DONE') return;
    if (begun === 'HELD') throw new Error('another execution of this step still lives');
    const execution = new StepExecution(begun, this.repository, this.service.log);
    this.executions.add(execution);
    if (this.isStopping) execution.stop(new ServiceStopping());
    try {
      await this.execute(step, begun, execution);
    } catch (error) {
      const cause: unknown = execution.signal.aborted ? execution.signal.reason : error;
      // Whoever holds the later token, or the reconciler, goes on; this job has nothing left to do.
      if (cause instanceof StaleToken) return;
      if (cause instanceof ServiceStopping) return await giveBack(job, token);
      await this.failures.handle(cause, execution);
    } finally {
      this.executions.delete(execution);
      await this.letGo(begun.token);
    }
  }

  /** Where the run was cancelled meanwhile, it ends with that; the reconciler would look up to a second later. */
  private async letGo(token: StepToken): Promise<void> {
    await this.repository.release(token);
    await this.end.settle(token.workspaceId, token.runId);
  }

  private async execute(step: Step, begun: BegunStep, execution: StepExecution): Promise<void> {
    const { token, run } = begun;
    const { workspaceId, runId } = token;
    const input = begun.input as Parameters<Step['execute']>[0]['input'];
    const resultOf = this.resultsOf(begun);
    const spec = worker.TrainingSpec.fromJSON(run.spec);
    this.service.log.info({ runId, step: step.state, fence: token.fence }, 'step begins');
    const context = { workspaceId, runId, spec, input, resultOf, signal: execution.signal, report: execution };
    const result = await execution.run(() => step.execute(context));
    await this.repository.finish(token, step.store(result), async (transaction, row) =>
      step.conclude ? step.conclude(transaction, { run: row, input, result, resultOf }) : {},
    );
    this.service.log.info({ runId, step: step.state }, 'step finished');
    const modelId = (input as { modelId?: string }).modelId;
    if (step.state === 'BACKFILLING' && modelId !== undefined) await this.settle(workspaceId, modelId);
  }

  /** At once, so that the model goes live with the run's end; what fails here is done by the reconciler. */
  private async settle(workspaceId: string, modelId: string): Promise<void> {
    await this.models.settle(workspaceId, modelId).catch((error: unknown) => {
      this.service.log.warn({ err: error, modelId }, 'a model was not settled; it will be tried again');
    });
  }

  private resultsOf({ steps }: BegunStep): ResultOf {
    return (name) => {
      const row = steps.find(({ state }) => state === name);
      const step = this.steps.find(({ state }) => state === name);
      if (!row?.finishedAt || !step) throw new Error(`${name} has not finished`);
      return step.load(row.result) as ReturnType<ResultOf> as never;
    };
  }
}

async function giveBack(job: Job, token: string | undefined): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}
