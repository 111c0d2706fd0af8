import type { Attempt } from '#libs/queue';

import type { HeadProgress, HeadRepository } from './head.repository.js';

const EVERY_MS = 250;

/** How an attempt at a head gets on, written at most four times a second. */
export class HeadReport {
  private writtenAt = 0;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly repository: HeadRepository,
    private readonly attempt: Attempt,
  ) {}

  /** A report that is not written is no failure: the next one tells more, and an attempt that is stale is noticed elsewhere. */
  tell(progress: HeadProgress): void {
    if (Date.now() - this.writtenAt < EVERY_MS) return;
    this.writtenAt = Date.now();
    this.writing = this.writing.then(() => this.repository.report(this.attempt, progress)).catch(() => undefined);
  }
}
