import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE } from '#libs/service';

import { ChangeSignal } from '../change/change.signal.js';
import { LeaseKeeper } from '../lease/lease.keeper.js';
import { NIL } from '../page/uuid.js';
import { RegionBuilder } from '../region/region.builder.js';
import { type Context, DATABASE } from '../store.js';
import { HintSignal } from '../workspace/hint.signal.js';
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
  private running: Promise<void> = Promise.resolve();
  private stopListening: readonly (() => void)[] = [];

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly context: Context,
    private readonly changes: ChangeSignal,
    private readonly hints: HintSignal,
    private readonly step: DefinitionStep,
    private readonly leases: LeaseKeeper,
    private readonly regions: RegionBuilder,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = [this.changes, this.hints].map((signal) => signal.listen((workspaceId) => this.stir(workspaceId)));
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const stop of this.stopListening) stop();
    this.stopping.abort();
    await this.running;
  }

  /** A rule was made or changed. */
  wake(): void {
    this.nextLook = 0;
    this.bell.raise(ANY);
  }

  /** Something happened in a workspace: nothing to do where it has no rules, as of the last look. */
  private stir(workspaceId: string): void {
    if (this.workspaces.includes(workspaceId)) this.bell.raise(ANY);
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
}
