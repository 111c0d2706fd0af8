import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, type Subscription, timer } from 'rxjs';

/** What is looked after again and again while the application runs: never twice at once, and a round that has begun is waited for. */
export abstract class Rounds implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** From then on a long round should come to its end. */
  protected isEnding = false;
  private rounds: Subscription | undefined;
  private current: Promise<void> = Promise.resolve();

  constructor(
    private readonly everyMs: number,
    private readonly firstAfterMs = 0,
  ) {}

  /** Must not reject: what fails in it is tried again in the next. */
  protected abstract round(): Promise<void>;

  onApplicationBootstrap(): void {
    this.rounds = timer(this.firstAfterMs, this.everyMs)
      .pipe(exhaustMap(() => (this.current = this.round())))
      .subscribe();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    this.rounds?.unsubscribe();
    await this.current;
  }
}
