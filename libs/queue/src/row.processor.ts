import { type Job, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { exhaustMap, timer } from 'rxjs';

import { JobWorker } from './job.worker.js';
import { type Attempt, isEnded, StaleAttempt } from './row.attempt.js';
import type { RowJobs } from './row.job.js';

/** What every row has that is worked off by a job. */
export interface JobRow {
  readonly state: string;
  readonly fence: number;
  readonly cancel_requested?: boolean;
}

/** How rows of one kind are worked off. */
export interface RowWork<Row extends JobRow> {
  /** For the log: "an import". */
  readonly what: string;
  /** The row under a new fence; undefined where it has ended. */
  begin(workspaceId: string, id: string): Promise<Row | undefined>;
  find(workspaceId: string, id: string): Promise<Row | undefined>;
  /** Does it, and ends it where it succeeds. The signal fires when it is to stop, for whatever reason. */
  run(attempt: Attempt, row: Row, signal: AbortSignal): Promise<void>;
  /** Throws StaleAttempt where the attempt does not have the row any more. */
  end(attempt: Attempt, state: 'FAILED' | 'CANCELLED', error?: string): Promise<void>;
  /** Why another attempt would fail alike, for a person; undefined where one is worth it. */
  explain(cause: unknown): string | undefined;
  /** What a person is told where nothing explains the last failure. */
  readonly unexplained: string;
}

const LOOK_FOR_CANCEL_MS = 500;

class Cancelled extends Error {}
/** The service stops: the row goes back to the queue, and on from what was committed. */
class ServiceStopping extends Error {}

/** Works off rows, one at a time and replica. */
export class JobProcessor<Payload extends object, Row extends JobRow> extends JobWorker<Payload> {
  private current: AbortController | undefined;

  constructor(
    private readonly jobs: RowJobs<Payload>,
    private readonly work: RowWork<Row>,
    redisUrl: string,
    private readonly log: Logger,
  ) {
    super(jobs.queue, redisUrl, log);
  }

  protected override stop(): void {
    this.current?.abort(new ServiceStopping());
  }

  protected async process(job: Job<Payload>, token: string | undefined): Promise<void> {
    const { workspaceId, id } = this.jobs.rowOf(job.data);
    const row = await this.work.begin(workspaceId, id);
    if (!row) return;
    const attempt = { workspaceId, id, fence: row.fence };
    const abort = new AbortController();
    this.current = abort;
    const looking = timer(0, LOOK_FOR_CANCEL_MS).pipe(exhaustMap(() => this.lookForCancel(attempt, abort))).subscribe();
    try {
      await this.work.run(attempt, row, abort.signal);
      this.log.info({ workspaceId, id }, `${this.work.what} is done`);
    } catch (error) {
      await this.conclude(job, token, attempt, abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      looking.unsubscribe();
      this.current = undefined;
    }
  }

  private async lookForCancel({ workspaceId, id, fence }: Attempt, abort: AbortController): Promise<void> {
    const row = await this.work.find(workspaceId, id).catch(() => undefined);
    if (row?.cancel_requested) abort.abort(new Cancelled());
    else if (row && (row.fence !== fence || isEnded(row.state))) abort.abort(new StaleAttempt());
  }

  private async conclude(job: Job<Payload>, token: string | undefined, attempt: Attempt, cause: unknown): Promise<void> {
    if (cause instanceof StaleAttempt) return;
    if (cause instanceof Cancelled) return this.work.end(attempt, 'CANCELLED');
    if (cause instanceof ServiceStopping) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const why = this.work.explain(cause);
    const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    this.log.error({ err: cause, workspaceId: attempt.workspaceId, id: attempt.id, isLast }, `an attempt at ${this.work.what} failed`);
    if (why === undefined && !isLast) throw cause;
    await this.work.end(attempt, 'FAILED', why ?? this.work.unexplained);
  }
}
