import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { serving } from '#libs/contracts';

import { cutPage, pageAsked } from '../page/page.js';
import { uuidFilter } from '../page/uuid.js';
import { changeCursor } from './change.cursor.js';
import { toChange } from './change.mapper.js';
import { type ChangeFilter, ChangeRepository } from './change.repository.js';
import { ChangeSignal } from './change.signal.js';

/** Rows held in memory per watcher. */
const CHUNK = 200;
const POLL_MS = 1_000;

/** Where a watcher's changes go; `ready` resolves when the consumer took what it was given. */
export interface Outlet {
  readonly signal: AbortSignal;
  ready(): Promise<void>;
}

/** The feed of changes: as a list, and as it grows. */
@Injectable()
export class ChangeService implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly changes: ChangeRepository,
    private readonly signal: ChangeSignal,
  ) {}

  /** Streams end before the server waits for calls to end. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async list(workspaceId: string, request: serving.ListMembershipChangesRequest): Promise<serving.ListMembershipChangesResponse> {
    const page = pageAsked(request.page, changeCursor);
    const { rows, total } = await this.changes.newest(workspaceId, filterOf(request), page);
    const cut = cutPage(rows, page.first, total, (row) => changeCursor.write([row.xid, row.sequence]));
    return { changes: cut.rows.map(toChange), pageInfo: cut.pageInfo } satisfies serving.ListMembershipChangesResponse;
  }

  /** From a cursor on, without end: what lies in the table first, then each change soon after it commits. */
  async *watch(
    workspaceId: string,
    request: serving.WatchMembershipChangesRequest,
    outlet: Outlet,
  ): AsyncGenerator<serving.WatchMembershipChangesResponse> {
    const filter = filterOf(request);
    let place = request.after ? changeCursor.read(request.after) : await this.changes.head(workspaceId);
    const gone = AbortSignal.any([outlet.signal, this.stopping.signal]);
    while (!gone.aborted) {
      const seen = this.signal.seen(workspaceId);
      const rows = await this.changes.after(workspaceId, place, filter, CHUNK);
      for (const row of rows) {
        yield { change: toChange(row) };
        place = [row.xid, row.sequence];
      }
      await outlet.ready();
      if (rows.length < CHUNK) await this.signal.beyond(workspaceId, seen, POLL_MS, gone);
    }
  }
}

function filterOf({ customerId, segmentId }: { customerId: string; segmentId: string }): ChangeFilter {
  return { customerId: uuidFilter(customerId), segmentId: uuidFilter(segmentId) };
}
