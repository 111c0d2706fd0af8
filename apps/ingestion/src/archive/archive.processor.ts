import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Job, WaitingError, Worker } from 'bullmq';
import { exhaustMap, timer } from 'rxjs';

import { ArtifactError } from '#libs/artifacts';
import { ARCHIVE_LOCK, ARCHIVE_QUEUE, type ArchivePayload, openRedis, QUEUE_PREFIX } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { isNoSpace } from '../scratch/scratch.js';
import { ArchiveFailure, type ExecutionRooms, workOff } from './archive.execution.js';
import { type ArchiveAttempt, isEnded, StaleArchiveRequest } from './archive.request.repository.js';

export const ARCHIVE_ROOMS = Symbol('ARCHIVE_ROOMS');

const LOOK_FOR_CANCEL_MS = 500;

class ArchivingCancelled extends Error {}
/** The service stops: the request goes back to the queue, and on from what it did. */
class ServiceStopping extends Error {}

/** Works off requests, one at a time and replica. */
@Injectable()
export class ArchiveProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly redis;
  private readonly worker: Worker<ArchivePayload>;
  private current: AbortController | undefined;

  constructor(
    @Inject(ARCHIVE_ROOMS) private readonly rooms: ExecutionRooms,
    @Inject(SERVICE) private readonly service: ServiceContext<IngestionConfig>,
  ) {
    this.redis = openRedis(service.config.REDIS_URL, 'worker');
    this.worker = new Worker<ArchivePayload>(ARCHIVE_QUEUE, (job, token) => this.process(job, token), {
      ...ARCHIVE_LOCK,
      connection: this.redis,
      prefix: QUEUE_PREFIX,
      concurrency: 1,
      autorun: false,
    });
    this.worker.on('error', (error) => service.log.debug({ err: error }, 'the queue of archive requests is away'));
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

  private async process(job: Job<ArchivePayload>, token: string | undefined): Promise<void> {
    const { workspaceId, requestId: id } = job.data;
    const row = await this.rooms.requests.begin(workspaceId, id);
    if (!row) return;
    const attempt = { workspaceId, id, fence: row.fence };
    const abort = new AbortController();
    this.current = abort;
    const looking = timer(0, LOOK_FOR_CANCEL_MS).pipe(exhaustMap(() => this.lookForCancel(attempt, abort))).subscribe();
    try {
      await workOff(this.rooms, attempt, row, abort.signal);
      await this.rooms.requests.end(attempt, 'SUCCEEDED');
      this.service.log.info({ requestId: id, kind: row.kind }, 'an archive request is done');
    } catch (error) {
      await this.conclude(job, token, attempt, abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      looking.unsubscribe();
      this.current = undefined;
    }
  }

  private async lookForCancel({ workspaceId, id, fence }: ArchiveAttempt, abort: AbortController): Promise<void> {
    const row = await this.rooms.requests.find(workspaceId, id).catch(() => undefined);
    if (row?.cancel_requested) abort.abort(new ArchivingCancelled());
    else if (row && (row.fence !== fence || isEnded(row.state))) abort.abort(new StaleArchiveRequest());
  }

  private async conclude(job: Job<ArchivePayload>, token: string | undefined, attempt: ArchiveAttempt, cause: unknown): Promise<void> {
    if (cause instanceof StaleArchiveRequest) return;
    if (cause instanceof ArchivingCancelled) return this.rooms.requests.end(attempt, 'CANCELLED');
    if (cause instanceof ServiceStopping) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const why = explain(cause);
    const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    this.service.log.error({ err: cause, requestId: attempt.id, isLast }, 'an attempt at an archive request failed');
    if (why === undefined && !isLast) throw cause;
    await this.rooms.requests.end(attempt, 'FAILED', why ?? 'An unexpected failure; the log of ingestion has it. What was done stays done: ask again once it is mended.');
  }
}

function explain(cause: unknown): string | undefined {
  if (cause instanceof ArchiveFailure) return cause.message;
  if (isNoSpace(cause)) return 'There is no space left for archives. Free some and ask again; no event was taken out of the database.';
  if (cause instanceof ArtifactError && (cause.reason === 'MISSING' || cause.reason === 'HASH_MISMATCH')) {
    return `A file of an archive is not as it was written: ${cause.message} Put it back from a backup and ask again.`;
  }
  return undefined;
}
