import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { defer, type Observable, startWith, Subject } from 'rxjs';

import type { access } from '#libs/contracts';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { AccessConfig } from '../config.js';

import { toKeyRecord } from './key.mapper.js';
import { KeyRepository } from './key.repository.js';

/** How late another replica learns of a key that was made, rotated or ended here. */
const POLL_MS = 1_000;

/**
 * Every live key in memory, and what changes. This replica's own changes are told at once (`refresh`), those
 * of others by looking at the table every second: nothing is missed when a connection breaks.
 */
@Injectable()
export class KeyFeed implements OnModuleInit, OnModuleDestroy {
  private readonly live = new Map<string, access.KeyRecord>();
  private readonly changes = new Subject<access.WatchKeysResponse>();
  private lookedAt = new Date(0);
  private looking: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly keys: KeyRepository,
    @Inject(SERVICE) private readonly context: ServiceContext<AccessConfig>,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.refresh();
    this.timer = setInterval(() => {
      this.refresh().catch((error: unknown) => this.context.log.warn({ err: error }, 'keys could not be looked at; the known ones hold'));
    }, POLL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.changes.complete();
  }

  /** All live keys, then each change. */
  watch(): Observable<access.WatchKeysResponse> {
    return defer(() => this.changes.pipe(startWith({ snapshot: true, keys: [...this.live.values()], revokedKeyIds: [] })));
  }

  /** Looks for changes now; one look at a time. */
  async refresh(): Promise<void> {
    this.looking = this.looking.catch(() => undefined).then(() => this.look());
    return this.looking;
  }

  private async look(): Promise<void> {
    const { keys, at } = await this.keys.changedSince(this.lookedAt);
    const change: access.WatchKeysResponse = { snapshot: false, keys: [], revokedKeyIds: [] };
    for (const key of keys) {
      const known = this.live.get(key.id);
      if (key.revokedAt !== null && known) {
        this.live.delete(key.id);
        change.revokedKeyIds.push(key.id);
      } else if (key.revokedAt === null && !(known && Buffer.from(key.digest).equals(known.digest))) {
        const record = toKeyRecord(key);
        this.live.set(key.id, record);
        change.keys.push(record);
      }
    }
    this.lookedAt = at;
    if (change.keys.length > 0 || change.revokedKeyIds.length > 0) this.changes.next(change);
  }
}
