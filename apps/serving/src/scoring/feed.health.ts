import { Inject, Injectable } from '@nestjs/common';
import pRetry from 'p-retry';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { FeedRepository } from './feed.repository.js';

/** Whether events can be read: the service is not ready while they cannot. */
@Injectable()
export class FeedHealth {
  private readable = false;

  constructor(
    private readonly feed: FeedRepository,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  get isReadable(): boolean {
    return this.readable;
  }

  async untilReadable(): Promise<void> {
    await pRetry(() => this.check(), { retries: Number.POSITIVE_INFINITY, factor: 1.5, minTimeout: 100, maxTimeout: 2_000 });
  }

  /** Looks, and says so to health. Rejects when the feed cannot be read. */
  async check(): Promise<void> {
    try {
      await this.feed.probe();
      this.say(true);
    } catch (error) {
      if (this.readable) this.context.log.error({ err: error }, 'the feed of events cannot be read');
      this.say(false);
      throw error;
    }
  }

  private say(readable: boolean): void {
    if (readable === this.readable) return;
    this.readable = readable;
    this.context.health.setStatus('', readable ? 'SERVING' : 'NOT_SERVING');
  }
}
