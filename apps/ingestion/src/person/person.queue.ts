import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';

import { openRedis, PERSON_JOB, PERSON_OPTIONS, PERSON_QUEUE, personJobId, type PersonPayload, QUEUE_PREFIX } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';

/** The jobs of people's requests. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
@Injectable()
export class PersonQueue implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue<PersonPayload>;

  constructor(@Inject(SERVICE) { config, log }: ServiceContext<IngestionConfig>) {
    this.redis = openRedis(config.REDIS_URL, 'producer');
    this.queue = new Queue<PersonPayload>(PERSON_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, 'the queue of people’s requests is away'));
  }

  /** Adds nothing where the request has a job already. Rejects while Redis is away. */
  async enqueue(payload: PersonPayload): Promise<void> {
    await this.queue.add(PERSON_JOB, payload, { ...PERSON_OPTIONS, jobId: personJobId(payload) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
