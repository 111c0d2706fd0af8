import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, type Subscription, timer } from 'rxjs';

import { SERVICE, type ServiceContext } from '#libs/service';

import { PersonQueue } from './person.queue.js';
import { PersonRequestRepository } from './person.repository.js';

const EVERY_MS = 2_000;

/** Gives every request that has not ended its job again, whatever a crash or an emptied Redis took. */
@Injectable()
export class PersonReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private rounds: Subscription | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly repository: PersonRequestRepository,
    private readonly queue: PersonQueue,
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
      this.service.log.debug({ err: error }, 'open requests of people have to wait');
    }
  }
}
