import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';

import { IMPORT_JOB, IMPORT_OPTIONS, IMPORT_QUEUE, importJobId, openRedis, QUEUE_PREFIX, type ImportPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';

/** The jobs of imports. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
@Injectable()
export class ImportQueue implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue<ImportPayload>;

  constructor(@Inject(SERVICE) { config, log }: ServiceContext<IngestionConfig>) {
    this.redis = openRedis(config.REDIS_URL, 'producer');
    this.queue = new Queue<ImportPayload>(IMPORT_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, 'the queue of imports is away'));
  }

  /** Adds nothing where the import has a job already. Rejects while Redis is away. */
  async enqueue(payload: ImportPayload): Promise<void> {
    await this.queue.add(IMPORT_JOB, payload, { ...IMPORT_OPTIONS, jobId: importJobId(payload) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
