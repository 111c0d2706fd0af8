import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { exhaustMap, type Subscription, timer } from 'rxjs';

const EVERY_MS = 2_000;

export interface OpenJobs<Payload> {
  /** For the log: "imports". */
  readonly what: string;
  /** What has not ended by its rows, over all workspaces. */
  open(): Promise<readonly Payload[]>;
  /** Adds nothing where there is a job already. */
  enqueue(payload: Payload): Promise<void>;
}

/** Gives everything that has not ended its job again, whatever a crash or an emptied Redis took. */
export class JobReconciler<Payload> implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private rounds: Subscription | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly jobs: OpenJobs<Payload>,
    private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.rounds = timer(0, EVERY_MS)
      .pipe(exhaustMap(() => (this.round = this.reconcile())))
      .subscribe();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.rounds?.unsubscribe();
    await this.round;
  }

  /** One round; what fails in it is tried again in the next. */
  private async reconcile(): Promise<void> {
    try {
      for (const payload of await this.jobs.open()) await this.jobs.enqueue(payload);
    } catch (error) {
      this.log.debug({ err: error }, `open ${this.jobs.what} have to wait`);
    }
  }
}
