import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { access } from '#libs/contracts';

import { ACCESS, type AccessClient, type Context } from '../store.js';
import { SERVICE } from '#libs/service';
import { isoOf, type Micros, nowMicros } from '../time/micros.js';

/** How long settings are believed, and how often the list is asked for. */
const FRESH_MS = 5_000;
const PAGE = 500;

/** The workspaces there are and the clock each lives by, as access says; while it is away, the last known. */
@Injectable()
export class WorkspaceDirectory {
  private readonly clocks: LRUCache<string, access.Clock>;

  constructor(
    @Inject(ACCESS) private readonly client: AccessClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    this.clocks = new LRUCache<string, access.Clock>({
      max: 10_000,
      ttl: FRESH_MS,
      allowStale: true,
      noDeleteOnStaleGet: true,
      allowStaleOnFetchRejection: true,
      fetchMethod: (workspaceId) => this.askClock(workspaceId),
    });
  }

  /** Ids of every workspace. */
  async list(): Promise<readonly string[]> {
    const principal = await this.context.signer.service(this.context.name);
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const { workspaces, pageInfo } = await this.client.listWorkspaces({ page: { first: PAGE, after } }, { principal });
      for (const workspace of workspaces) {
        ids.push(workspace.id);
        this.clocks.set(workspace.id, workspace.settings?.clock ?? access.Clock.LIVE);
      }
      if (!pageInfo?.hasNextPage) return ids;
      after = pageInfo.endCursor;
    }
  }

  /**
   * Now by the workspace's clock: wall time where it is LIVE, the newest event's time where it is DATA. Waits
   * for access only for a workspace never heard of, and rejects when it is away then: a state that was read
   * by the wrong clock would say that everyone had left.
   */
  async now(workspaceId: string, newestEventAt: Micros | null): Promise<Micros> {
    const known = this.clocks.get(workspaceId, { allowStale: true });
    if (known !== undefined) void this.clocks.fetch(workspaceId).catch(() => undefined);
    const clock = known ?? (await this.clocks.fetch(workspaceId));
    return clock === access.Clock.DATA && newestEventAt !== null ? newestEventAt : nowMicros();
  }

  /** The same for what is only told with an answer: never rejects. */
  async asOf(workspaceId: string, newestEventAt: Micros | null): Promise<string> {
    return isoOf(await this.now(workspaceId, newestEventAt).catch(() => newestEventAt ?? nowMicros()));
  }

  private async askClock(workspaceId: string): Promise<access.Clock> {
    const principal = await this.context.signer.service(this.context.name, workspaceId);
    const { workspace } = await this.client.getWorkspace({}, { principal });
    return workspace?.settings?.clock ?? access.Clock.LIVE;
  }
}
