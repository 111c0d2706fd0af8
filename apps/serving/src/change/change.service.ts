import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { feed, serving } from '#libs/contracts';
import { cutPage } from '#libs/grpc';

import { pageAsked, pageOfEach } from '../page/page.js';
import { distinctUuids, uuidFilter } from '../page/uuid.js';
import { membershipCursor } from './change.cursor.js';
import { toChange } from './change.mapper.js';
import { type ChangeFilter, ChangeRepository, type ChangeRow } from './change.repository.js';
import { ChangeSignal } from './change.signal.js';
import { FeedBeginning } from './feed.beginning.js';
import { type Outlet, watchFeed } from './feed.watch.js';

/** The feed of changes: as a list, and as it grows. */
@Injectable()
export class ChangeService implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly changes: ChangeRepository,
    private readonly signal: ChangeSignal,
    private readonly beginning: FeedBeginning,
  ) {}

  /** Streams end before the server waits for calls to end. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async list(workspaceId: string, request: serving.ListMembershipChangesRequest): Promise<serving.ListMembershipChangesResponse> {
    const page = pageAsked(request.page, membershipCursor);
    const { rows, total } = await this.changes.newest(workspaceId, filterOf(request), page);
    return pageOf(rows, page.first, total) satisfies serving.ListMembershipChangesResponse;
  }

  /** A page of each customer. */
  async ofCustomers(workspaceId: string, { customerIds, page, withTotal }: serving.ListChangesOfCustomersRequest): Promise<serving.ListChangesOfCustomersResponse> {
    const asked = pageOfEach(customerIds, page, membershipCursor);
    const { rows, totals } = await this.changes.ofCustomers(workspaceId, distinctUuids(customerIds), asked, withTotal);
    return {
      customers: customerIds.map((customerId) => {
        const id = customerId.toLowerCase();
        return { customerId, ...pageOf(rows.get(id) ?? [], asked.first, totals.get(id) ?? 0) };
      }),
    } satisfies serving.ListChangesOfCustomersResponse;
  }

  /** From a cursor on, without end. */
  async *watch(
    workspaceId: string,
    request: serving.WatchMembershipChangesRequest,
    outlet: Outlet,
  ): AsyncGenerator<serving.WatchMembershipChangesResponse> {
    const filter = filterOf(request);
    const place = await this.beginning.of(workspaceId, membershipCursor, request.after, () => this.changes.head(workspaceId));
    yield { change: undefined, beginsAfter: membershipCursor.write(place) };
    const parts = { workspaceId, signal: this.signal, outlet, stopping: this.stopping.signal };
    for await (const row of watchFeed((after, limit) => this.changes.after(workspaceId, after, filter, limit), place, parts)) yield { change: toChange(row), beginsAfter: '' };
  }
}

function pageOf(rows: readonly ChangeRow[], first: number, total: number): { changes: serving.MembershipChange[]; pageInfo: feed.PageInfo } {
  const cut = cutPage(rows, first, total, (row) => membershipCursor.write([row.xid, row.sequence]));
  return { changes: cut.rows.map(toChange), pageInfo: cut.pageInfo };
}

function filterOf({ customerId, segmentId }: { customerId: string; segmentId: string }): ChangeFilter {
  return { customerId: uuidFilter(customerId), segmentId: uuidFilter(segmentId) };
}
