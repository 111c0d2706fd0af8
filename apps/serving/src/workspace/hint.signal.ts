import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

import { followHints, openRedis } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { WorkspaceSignal } from './workspace.signal.js';

/** Says that a workspace has new events, as hints of them arrive. They may get lost: whoever follows the feed also looks by itself. */
@Injectable()
export class HintSignal extends WorkspaceSignal implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private following: Promise<void> = Promise.resolve();

  constructor(@Inject(SERVICE) private readonly context: Context) {
    super();
  }

  onApplicationBootstrap(): void {
    this.following = this.follow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    const redis = openRedis(this.context.config.REDIS_URL, 'worker');
    // A blocked read would hold up the stop; closing the connection ends it.
    signal.addEventListener('abort', () => redis.disconnect(), { once: true });
    while (!signal.aborted) {
      try {
        for await (const workspaces of followHints(redis, signal)) for (const id of workspaces) this.raise(id);
      } catch (error) {
        if (!signal.aborted) this.context.log.debug({ err: error }, 'hints cannot be followed; readers look by themselves');
        await wait(this.context.config.FEED_POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
