import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';

import { SERVICE } from '#libs/service';

import { ChangeSignal } from '../change/change.signal.js';
import type { Context } from '../store.js';
import { WorkspaceSignal } from '../workspace/workspace.signal.js';
import { WebhookQueue } from './webhook.queue.js';
import { WebhookRepository } from './webhook.repository.js';

/** Nobody's id: the one bell that wakes the dispatcher. */
const ANY = 'any';

/**
 * Gives every webhook that has something to do its job: at once in a workspace whose memberships changed, and
 * everywhere once in a while, for retries that have come due and for whatever a lost signal, a crash or an
 * emptied Redis took. Replicas may all do this at once.
 */
@Injectable()
export class WebhookDispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly bell = new WorkspaceSignal();
  private readonly changed = new Set<string>();
  /** Workspaces that have enabled webhooks. */
  private workspaces = new Set<string>();
  private nextLook = 0;
  private running: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly queue: WebhookQueue,
    private readonly changes: ChangeSignal,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = this.changes.listen((workspaceId) => {
      this.changed.add(workspaceId);
      this.bell.raise(ANY);
    });
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening();
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const seen = this.bell.seen(ANY);
      try {
        await this.round();
      } catch (error) {
        this.context.log.debug({ err: error }, 'webhooks have to wait');
      }
      await this.bell.beyond(ANY, seen, Math.max(1, this.nextLook - Date.now()), signal);
    }
  }

  private async round(): Promise<void> {
    const changed = new Set(this.changed);
    this.changed.clear();
    const isLook = Date.now() >= this.nextLook;
    if (isLook) {
      this.nextLook = Date.now() + this.context.config.FEED_POLL_MS;
      this.workspaces = new Set((await this.webhooks.open()).map(({ workspaceId }) => workspaceId));
    }
    for (const workspaceId of this.workspaces) {
      if (!isLook && !changed.has(workspaceId)) continue;
      for (const webhookId of await this.webhooks.withWork(workspaceId)) await this.queue.enqueue({ workspaceId, webhookId });
    }
  }
}
