import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Job, Worker } from 'bullmq';

import { openRedis, PERSON_LOCK, PERSON_QUEUE, type PersonPayload, QUEUE_PREFIX } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { answerRequest, type PersonRooms } from './person.execution.js';
import { StalePersonRequest } from './person.repository.js';

export const PERSON_ROOMS = Symbol('PERSON_ROOMS');

/** Answers people's requests, one at a time and replica. */
@Injectable()
export class PersonProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly redis;
  private readonly worker: Worker<PersonPayload>;

  constructor(
    @Inject(PERSON_ROOMS) private readonly rooms: PersonRooms,
    @Inject(SERVICE) private readonly service: ServiceContext<IngestionConfig>,
  ) {
    this.redis = openRedis(service.config.REDIS_URL, 'worker');
    this.worker = new Worker<PersonPayload>(PERSON_QUEUE, (job) => this.process(job), {
      ...PERSON_LOCK,
      connection: this.redis,
      prefix: QUEUE_PREFIX,
      concurrency: 1,
      autorun: false,
    });
    this.worker.on('error', (error) => service.log.debug({ err: error }, 'the queue of people’s requests is away'));
  }

  onApplicationBootstrap(): void {
    void this.worker.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
    this.rooms.peers.close();
  }

  private async process(job: Job<PersonPayload>): Promise<void> {
    const { workspaceId, requestId: id } = job.data;
    const row = await this.rooms.repository.begin(workspaceId, id);
    if (!row) return;
    const attempt = { workspaceId, id, fence: row.fence };
    try {
      await answerRequest(this.rooms, attempt, row);
      this.service.log.info({ requestId: id, kind: row.kind }, 'a person’s request is answered');
    } catch (error) {
      if (error instanceof StalePersonRequest) return;
      const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      this.service.log.error({ err: error, requestId: id, isLast }, 'an attempt at a person’s request failed');
      if (!isLast) throw error;
      await this.rooms.repository.fail(attempt, 'It could not be completed; the log of ingestion has why. What was done stays done: ask for the same again once that is mended.');
    }
  }
}
