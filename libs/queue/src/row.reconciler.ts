import type { Logger } from 'pino';

import { Rounds } from './rounds.js';

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
export class JobReconciler<Payload> extends Rounds {
  constructor(
    private readonly jobs: OpenJobs<Payload>,
    private readonly log: Logger,
  ) {
    super(EVERY_MS);
  }

  protected async round(): Promise<void> {
    try {
      for (const payload of await this.jobs.open()) await this.jobs.enqueue(payload);
    } catch (error) {
      this.log.debug({ err: error }, `open ${this.jobs.what} have to wait`);
    }
  }
}
