import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type FlowJob, FlowProducer, Queue } from 'bullmq';

import { openRedis, QUEUE_PREFIX, RUN_QUEUE, RUN_STEP_JOB, RUN_STEP_OPTIONS, RUN_STEPS, runStepJobId, type RunStepName } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { TrainingConfig } from '../training.config.js';

/** States of a job that a worker will come to by itself. */
const LIVE = new Set(['active', 'waiting', 'delayed', 'prioritized']);

/** The jobs of runs. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
@Injectable()
export class RunQueue implements OnApplicationShutdown {
  private readonly redis;
  private readonly flows: FlowProducer;
  private readonly queue: Queue;

  constructor(@Inject(SERVICE) { config, log }: ServiceContext<TrainingConfig>) {
    this.redis = openRedis(config.REDIS_URL, 'producer');
    const options = { connection: this.redis, prefix: QUEUE_PREFIX };
    this.flows = new FlowProducer(options);
    this.queue = new Queue(RUN_QUEUE, options);
    const isAway = (error: Error): void => log.debug({ err: error }, 'the queue of runs is away');
    this.flows.on('error', isAway);
    this.queue.on('error', isAway);
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

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled([this.flows.close(), this.queue.close()]);
    this.redis.disconnect();
  }
}
