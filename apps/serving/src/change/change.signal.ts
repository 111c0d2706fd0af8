import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';

import { openRedis, QUEUE_PREFIX } from '#libs/queue';
import { SERVICE } from '#libs/service';

import { type Context, REDIS } from '../store.js';
import { WorkspaceSignal } from '../workspace/workspace.signal.js';

const CHANNEL = `${QUEUE_PREFIX}:membership-changes`;

/** Says that a workspace's memberships changed, here and in other replicas. May get lost: watchers also poll. */
@Injectable()
export class ChangeSignal extends WorkspaceSignal implements OnApplicationShutdown {
  private readonly subscriber: Redis;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(SERVICE) { config }: Context,
  ) {
    super();
    this.subscriber = openRedis(config.REDIS_URL, 'worker');
    this.subscriber.on('message', (_channel: string, workspaceId: string) => this.raise(workspaceId));
    // Ends by rejection only when the connection is closed for good.
    void this.subscriber.subscribe(CHANNEL).catch(() => undefined);
  }

  /** Call after the commit. */
  announce(workspaceId: string): void {
    this.raise(workspaceId);
    void this.redis.publish(CHANNEL, workspaceId).catch(() => undefined);
  }

  onApplicationShutdown(): void {
    this.subscriber.disconnect();
  }
}
