import { setTimeout as wait } from 'node:timers/promises';

import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { SecretSeal } from './secret.seal.js';
import { WebhookRepository } from './webhook.repository.js';

const AGAIN_MS = 5_000;

/** Once serving has started, seals under the newest key what another one sealed, or none. Replicas may all do this at once. */
@Injectable()
export class SecretRotation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly seal: SecretSeal,
    private readonly directory: WorkspaceDirectory,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        return await this.rotate();
      } catch (error) {
        this.context.log.debug({ err: error }, 'sealing the secrets of webhooks has to wait');
        await wait(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async rotate(): Promise<void> {
    for (const workspaceId of await this.directory.list()) {
      for (const { id, column, ...sealed } of await this.webhooks.notSealedBy(workspaceId, this.seal.newestKeyId)) {
        const place = { workspaceId, webhookId: id };
        try {
          await this.webhooks.reseal(workspaceId, { id, column }, sealed, this.seal.seal(place, this.seal.open(place, sealed)));
        } catch (error) {
          // The others are sealed all the same; this one cannot sign until its key is back.
          this.context.log.error({ err: error, workspaceId, webhookId: id }, 'the secret of a webhook cannot be opened');
        }
      }
    }
  }
}
