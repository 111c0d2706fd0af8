import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, type Subscription, timer } from 'rxjs';

import { SERVICE, type ServiceContext } from '#libs/service';

import { ImportQueue } from './import.queue.js';
import { ImportRepository } from './import.repository.js';

const EVERY_MS = 2_000;

/** Gives every import that has not ended its job again, whatever a crash or an emptied Redis took. */
@Injectable()
export class ImportReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private rounds: Subscription | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly repository: ImportRepository,
    private readonly queue: ImportQueue,
    @Inject(SERVICE) private readonly service: ServiceContext<unknown>,
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
      for (const payload of await this.repository.open()) await this.queue.enqueue(payload);
    } catch (error) {
      this.service.log.debug({ err: error }, 'open imports have to wait');
    }
  }
}
