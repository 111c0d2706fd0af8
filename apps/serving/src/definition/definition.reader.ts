import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

import type { Database } from '#libs/database';
import { followHints, openRedis } from '#libs/queue';
import { SERVICE } from '#libs/service';

import { ChangeSignal } from '../change/change.signal.js';
import { LeaseKeeper } from '../lease/lease.keeper.js';
import { NIL } from '../page/uuid.js';
import { RegionBuilder } from '../region/region.builder.js';
import { type Context, DATABASE } from '../store.js';
import { WorkspaceSignal } from '../workspace/workspace.signal.js';
import { DefinitionStep, NOTHING, type Taken } from './definition.step.js';

/** Nobody's id: the one bell that wakes the reader. */
const ANY = 'any';

/** Takes steps of every workspace that has rules, for the partitions that this replica leases, woken by events and by changes. */
@Injectable()
export class DefinitionReader implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly bell = new WorkspaceSignal();
  /** Workspaces that have rules. */
  private workspaces: readonly string[] = [];
  private nextLook = 0;
  private running: Promise<unknown> = Promise.resolve();
  private stopListening: () => void = () => undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly context: Context,
    private readonly changes: ChangeSignal,
    private readonly step: DefinitionStep,
    private readonly leases: LeaseKeeper,
    private readonly regions: RegionBuilder,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = this.changes.listen((workspaceId) => this.stir([workspaceId]));
    this.running = Promise.all([this.run(), this.followHints()]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening();
    this.stopping.abort();
    await this.running;
  }

  /** A rule was made or changed. */
  wake(): void {
    this.nextLook = 0;
    this.bell.raise(ANY);
  }

  /** Something happened in these workspaces: nothing to do where they have no rules, as of the last look. */
  private stir(workspaceIds: Iterable<string>): void {
    for (const id of workspaceIds) if (this.workspaces.includes(id)) this.bell.raise(ANY);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const seen = this.bell.seen(ANY);
      try {
        if (Date.now() >= this.nextLook) {
          this.nextLook = Date.now() + this.context.config.FEED_POLL_MS;
          this.workspaces = await this.open();
        }
      } catch (error) {
        this.context.log.warn({ err: error }, 'rules have to wait');
      }
      // Those that have more to do at once go on among themselves until there may be others again.
      let turn = this.workspaces;
      do turn = await this.round(turn);
      while (turn.length > 0 && !signal.aborted && Date.now() < this.nextLook && this.bell.seen(ANY) === seen);
      if (turn.length === 0) await this.bell.beyond(ANY, seen, Math.max(1, this.nextLook - Date.now()), signal);
    }
  }

  /** A step of each workspace; answers those that have more to do at once. */
  private async round(workspaceIds: readonly string[]): Promise<string[]> {
    const busy: string[] = [];
    for (const id of workspaceIds) if (!this.stopping.signal.aborted && (await this.follow(id))) busy.push(id);
    return busy;
  }

  /** One step of its rules and one of its regions; what goes wrong in one holds up neither the other nor other workspaces. */
  private async follow(workspaceId: string): Promise<boolean> {
    const leases = this.leases.of(workspaceId);
    if (leases.length === 0) return false;
    const attempt = (taken: Promise<Taken>) =>
      taken.catch((error: unknown) => {
        this.context.log.warn({ err: error, workspaceId }, 'rules have to wait');
        return NOTHING;
      });
    const rules = await attempt(this.step.take(workspaceId, { replicaId: this.leases.replicaId, leases }));
    const regions = await attempt(this.regions.take(workspaceId));
    if (rules.hasChanges || regions.hasChanges) this.changes.announce(workspaceId);
    return rules.hasMore || regions.hasMore;
  }

  private open(): Promise<string[]> {
    return this.database.onConnection(NIL, async (client) => {
      const { rows } = await client.query<{ id: string }>(`select workspace_id as id from serving.open_definitions`);
      return rows.map(({ id }) => id);
    });
  }

  private async followHints(): Promise<void> {
    const { signal } = this.stopping;
    const redis = openRedis(this.context.config.REDIS_URL, 'worker');
    // A blocked read would hold up the stop; closing the connection ends it.
    signal.addEventListener('abort', () => redis.disconnect(), { once: true });
    while (!signal.aborted) {
      try {
        for await (const workspaces of followHints(redis, signal)) this.stir(workspaces);
      } catch (error) {
        if (!signal.aborted) this.context.log.debug({ err: error }, 'hints cannot be followed; rules look by themselves');
        await wait(this.context.config.FEED_POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
