import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { LeaseRepository } from './lease.repository.js';
import type { Lease } from './partition.js';

/** Renewals within the time of one lease: several may fail before anything is lost. */
const BEATS = 5;
const NONE: readonly Lease[] = [];

/**
 * Which partitions this process reads. It renews itself in Postgres; whoever stops doing so loses its
 * partitions to the others within the time of a lease, and what it still commits then is refused by its epochs.
 */
@Injectable()
export class LeaseKeeper {
  /** Another process each time, whatever the machine is called. */
  readonly replicaId = uuid();
  private held = new Map<string, readonly Lease[]>();
  private haste = new AbortController();

  constructor(
    private readonly leases: LeaseRepository,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  of(workspaceId: string): readonly Lease[] {
    return this.held.get(workspaceId) ?? NONE;
  }

  /** Looks at once: there is a workspace that was not there before. */
  hurry(): void {
    this.haste.abort();
    this.haste = new AbortController();
  }

  /** Runs until the signal fires. `changed` hears of workspaces of which more or less is held. */
  async run(workspaces: () => readonly string[], changed: (workspaceId: string) => void, signal: AbortSignal): Promise<void> {
    const { config, log } = this.context;
    const beatMs = (config.LEASE_SECONDS * 1_000) / BEATS;
    while (!signal.aborted) {
      const { signal: hurried } = this.haste;
      try {
        const { held, share } = await this.leases.renew(this.replicaId, config.LEASE_SECONDS);
        this.tell(held, changed);
        this.tell(await this.leases.balance(this.replicaId, share, workspaces(), beatMs), changed);
      } catch (error) {
        log.debug({ err: error }, 'leases cannot be renewed or taken now');
      }
      await wait(beatMs, undefined, { signal: AbortSignal.any([signal, hurried]) }).catch(() => undefined);
    }
  }

  /** Once nothing is read any more. */
  async leave(): Promise<void> {
    // Without Postgres there is nobody to give anything back to; the time runs out by itself.
    await this.leases.leave(this.replicaId).catch(() => undefined);
  }

  private tell(leases: readonly (Lease & { workspaceId: string })[], changed: (workspaceId: string) => void): void {
    const before = this.held;
    this.held = Map.groupBy(leases, ({ workspaceId }) => workspaceId);
    for (const workspaceId of new Set([...before.keys(), ...this.held.keys()])) {
      if (leaseKey(before.get(workspaceId)) !== leaseKey(this.held.get(workspaceId))) changed(workspaceId);
    }
  }
}

/** Equal where the same partitions are held in the same epochs. */
export function leaseKey(leases: readonly Lease[] = NONE): string {
  return leases.map(({ partition, epoch }) => `${partition}:${epoch}`).join(' ');
}
