import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Job, WaitingError, Worker } from 'bullmq';
import { exhaustMap, timer } from 'rxjs';

import { IMPORT_LOCK, IMPORT_QUEUE, openRedis, QUEUE_PREFIX, type ImportPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { ImportExecution, type ImportRooms } from './import.execution.js';
import { explainFailure } from './import.failure.js';
import { type Attempt, isEnded, StaleImport } from './import.repository.js';

export const IMPORT_ROOMS = Symbol('IMPORT_ROOMS');

const LOOK_FOR_CANCEL_MS = 500;

class ImportCancelled extends Error {}
/** The service stops: the import goes back to the queue, and on from what it committed. */
class ServiceStopping extends Error {}

/** Works on imports, one at a time and replica: reading a file takes a core and much of the memory there is. */
@Injectable()
export class ImportProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly redis;
  private readonly worker: Worker<ImportPayload>;
  private current: AbortController | undefined;

  constructor(
    @Inject(IMPORT_ROOMS) private readonly rooms: ImportRooms,
    @Inject(SERVICE) private readonly service: ServiceContext<IngestionConfig>,
  ) {
    this.redis = openRedis(service.config.REDIS_URL, 'worker');
    this.worker = new Worker<ImportPayload>(IMPORT_QUEUE, (job, token) => this.process(job, token), {
      ...IMPORT_LOCK,
      connection: this.redis,
      prefix: QUEUE_PREFIX,
      concurrency: 1,
      autorun: false,
    });
    this.worker.on('error', (error) => service.log.debug({ err: error }, 'the queue of imports is away'));
  }

  onApplicationBootstrap(): void {
    void this.worker.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.current?.abort(new ServiceStopping());
    await this.worker.close();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  private async process(job: Job<ImportPayload>, token: string | undefined): Promise<void> {
    const { workspaceId, importId: id } = job.data;
    const row = await this.rooms.repository.begin(workspaceId, id);
    if (!row) return;
    const attempt: Attempt = { workspaceId, id, fence: row.fence };
    const abort = new AbortController();
    this.current = abort;
    const looking = timer(0, LOOK_FOR_CANCEL_MS).pipe(exhaustMap(() => this.lookForCancel(attempt, abort))).subscribe();
    try {
      await new ImportExecution(this.rooms, attempt, row, abort.signal).run();
      this.service.log.info({ importId: id }, 'import finished');
    } catch (error) {
      await this.conclude(job, token, attempt, abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      looking.unsubscribe();
      this.current = undefined;
    }
  }

  private async lookForCancel({ workspaceId, id, fence }: Attempt, abort: AbortController): Promise<void> {
    const row = await this.rooms.repository.find(workspaceId, id).catch(() => undefined);
    if (row?.cancel_requested) abort.abort(new ImportCancelled());
    else if (row && (row.fence !== fence || isEnded(row.state))) abort.abort(new StaleImport());
  }

  private async conclude(job: Job<ImportPayload>, token: string | undefined, attempt: Attempt, cause: unknown): Promise<void> {
    if (cause instanceof StaleImport) return;
    if (cause instanceof ImportCancelled) return this.rooms.repository.end(attempt, 'CANCELLED');
    if (cause instanceof ServiceStopping) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const why = explainFailure(cause);
    const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    this.service.log.error({ err: cause, importId: attempt.id, isLast }, 'an attempt at an import failed');
    if (why === undefined && !isLast) throw cause;
    await this.rooms.repository.end(attempt, 'FAILED', why ?? 'An unexpected failure; the log of ingestion has it. What was committed stays, and the same file again goes on from there.');
  }
}
