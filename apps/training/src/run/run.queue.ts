import { Inject, Injectable } from '@nestjs/common';
import { type FlowJob, FlowProducer } from 'bullmq';

import { JobSender, QUEUE_PREFIX, RUN_QUEUE, RUN_STEP_JOB, RUN_STEP_OPTIONS, RUN_STEPS, runStepJobId, type RunStepName, type RunStepPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { TrainingConfig } from '../training.config.js';

/** States of a job that a worker will come to by itself. */
const LIVE = new Set(['active', 'waiting', 'delayed', 'prioritized']);

/** The jobs of runs. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
@Injectable()
export class RunQueue extends JobSender<RunStepPayload> {
  private readonly flows: FlowProducer;

  constructor(@Inject(SERVICE) { config, log }: ServiceContext<TrainingConfig>) {
    super(RUN_QUEUE, config.REDIS_URL, log);
    this.flows = new FlowProducer({ connection: this.redis, prefix: QUEUE_PREFIX });
    this.flows.on('error', (error) => log.debug({ err: error }, 'the queue of runs is away'));
  }

  /** Adds the steps that are left as one flow, each waiting for the one before. Rejects while Redis is away. */
  async enqueue(workspaceId: string, runId: string, fence: number, left: readonly RunStepName[]): Promise<void> {
    let flow: FlowJob | undefined;
    for (const state of left) {
      const data = { workspaceId, runId, state, fence };
      const opts = { ...RUN_STEP_OPTIONS, jobId: runStepJobId(data) };
      flow = { name: RUN_STEP_JOB[state], queueName: RUN_QUEUE, data, opts, ...(flow ? { children: [flow] } : {}) };
    }
    if (flow) await this.flows.add(flow);
  }

  /** True if a job of this run and token will be worked on without anyone's doing. Rejects while Redis is away. */
  async isLive(runId: string, fence: number): Promise<boolean> {
    const ids = RUN_STEPS.map((state) => runStepJobId({ workspaceId: '', runId, state, fence }));
    const states = await Promise.all(ids.map((id) => this.queue.getJobState(id)));
    return states.some((state) => LIVE.has(state));
  }

  override async onApplicationShutdown(): Promise<void> {
    await this.flows.close().catch(() => undefined);
    await super.onApplicationShutdown();
  }
}
