import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { access } from '#libs/contracts';

import { ACCESS, type AccessClient, type Context } from '../store.js';
import { SERVICE } from '#libs/service';
import { isoOf, type Micros, nowMicros } from '../time/micros.js';

/** How long settings are believed, and how often the list is asked for. */
const FRESH_MS = 5_000;
const PAGE = 500;

/** What serving has to know of a workspace. */
interface Custom {
  readonly clock: access.Clock;
  /** IANA name. */
  readonly timezone: string;
}

/** The workspaces there are, and the clock and calendar each lives by, as access says; while it is away, the last known. */
@Injectable()
export class WorkspaceDirectory {
  private readonly customs: LRUCache<string, Custom>;

  constructor(
    @Inject(ACCESS) private readonly client: AccessClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    this.customs = new LRUCache<string, Custom>({
      max: 10_000,
      ttl: FRESH_MS,
      allowStale: true,
      noDeleteOnStaleGet: true,
      allowStaleOnFetchRejection: true,
      fetchMethod: (workspaceId) => this.ask(workspaceId),
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
        this.customs.set(workspace.id, customOf(workspace));
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
    const { clock } = await this.custom(workspaceId);
    return clock === access.Clock.DATA && newestEventAt !== null ? newestEventAt : nowMicros();
  }

  /** The time zone whose hours and weekdays the workspace speaks of. Waits and rejects as `now` does. */
  async timezone(workspaceId: string): Promise<string> {
    return (await this.custom(workspaceId)).timezone;
  }

  /** The same for what is only told with an answer: never rejects. */
  async asOf(workspaceId: string, newestEventAt: Micros | null): Promise<string> {
    return isoOf(await this.now(workspaceId, newestEventAt).catch(() => newestEventAt ?? nowMicros()));
  }

  private async custom(workspaceId: string): Promise<Custom> {
    const known = this.customs.get(workspaceId, { allowStale: true });
    if (known !== undefined) void this.customs.fetch(workspaceId).catch(() => undefined);
    return known ?? (await this.customs.fetch(workspaceId)) ?? customOf(undefined);
  }

  private async ask(workspaceId: string): Promise<Custom> {
    const principal = await this.context.signer.service(this.context.name, workspaceId);
    const { workspace } = await this.client.getWorkspace({}, { principal });
    return customOf(workspace);
  }
}

function customOf(workspace: access.Workspace | undefined): Custom {
  return { clock: workspace?.settings?.clock ?? access.Clock.LIVE, timezone: workspace?.settings?.timezone || 'UTC' };
}
