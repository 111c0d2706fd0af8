import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import type { novelty, unusual } from '#libs/contracts';
import { z } from '#libs/config';
import { cutPage, expectFewIds, RpcError } from '#libs/grpc';

import { unusualCursor } from '../change/change.cursor.js';
import { ChangeSignal } from '../change/change.signal.js';
import { FeedBeginning } from '../change/feed.beginning.js';
import { type Outlet, watchFeed } from '../change/feed.watch.js';
import { cursorFormat, pageAsked } from '../page/page.js';
import { onlyUuids, uuidFilter } from '../page/uuid.js';
import { customerThreshold } from './threshold.js';
import { toNovelty, toThreshold, toThresholds, toUnusual, toUnusualChange } from './unusual.mapper.js';
import { type UnusualPlace, UnusualRepository, type UnusualRow } from './unusual.repository.js';

/** What is measured on some hundred customers says nothing beyond. */
const [LEAST_QUANTILE, MOST_QUANTILE] = [0.5, 0.9999];

const bySince = cursorFormat<UnusualPlace>(z.tuple([z.iso.datetime(), z.uuid()]));

/** Who is unusual, from which novelty on, and the feed of who becomes so and is usual again. */
@Injectable()
export class UnusualService implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly repository: UnusualRepository,
    private readonly signal: ChangeSignal,
    private readonly beginning: FeedBeginning,
  ) {}

  /** Streams end before the server waits for calls to end. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  async ofCustomers(workspaceId: string, { customerIds }: unusual.GetCustomerNoveltyRequest): Promise<unusual.GetCustomerNoveltyResponse> {
    expectFewIds(customerIds);
    const [bounds, rows] = await Promise.all([this.repository.bounds(workspaceId), this.repository.ofCustomers(workspaceId, [...new Set(onlyUuids(customerIds))])]);
    const byId = new Map(rows.map((row) => [row.customerId, row]));
    return { customers: customerIds.map((id) => toNovelty(id, byId.get(id.toLowerCase()))), threshold: toThresholds(bounds).customers };
  }

  async list(workspaceId: string, { page }: unusual.ListUnusualCustomersRequest): Promise<unusual.ListUnusualCustomersResponse> {
    const asked = pageAsked(page, bySince);
    const [{ modelId, ordinary, setting }, { rows, total }] = await Promise.all([this.repository.bounds(workspaceId), this.repository.list(workspaceId, asked)]);
    const cursorOf = ({ place, customerId }: UnusualRow & { place: string }) => bySince.write([place, customerId]);
    const cut = cutPage(rows, asked.first, total, cursorOf);
    return {
      customers: cut.rows.map((row) => toUnusual(row, cursorOf(row))),
      pageInfo: cut.pageInfo,
      threshold: toThreshold(customerThreshold(ordinary?.customers, setting)),
      modelId: modelId ?? '',
    } satisfies unusual.ListUnusualCustomersResponse;
  }

  /** From a cursor on, without end. */
  async *watch(workspaceId: string, request: unusual.WatchUnusualCustomersRequest, outlet: Outlet): AsyncGenerator<unusual.WatchUnusualCustomersResponse> {
    const customerId = uuidFilter(request.customerId);
    const place = await this.beginning.of(workspaceId, unusualCursor, request.after, () => this.repository.head(workspaceId));
    yield { change: undefined, beginsAfter: unusualCursor.write(place) };
    const parts = { workspaceId, signal: this.signal, outlet, stopping: this.stopping.signal };
    for await (const row of watchFeed((after, limit) => this.repository.after(workspaceId, after, customerId, limit), place, parts)) {
      yield { change: toUnusualChange(row), beginsAfter: '' };
    }
  }

  async thresholds(workspaceId: string): Promise<unusual.GetNoveltyThresholdsResponse> {
    return toThresholds(await this.repository.bounds(workspaceId));
  }

  async setThreshold(workspaceId: string, { quantile, threshold }: unusual.SetNoveltyThresholdRequest): Promise<unusual.SetNoveltyThresholdResponse> {
    if (quantile !== undefined && threshold !== undefined) throw refused('threshold', 'Give a quantile or a threshold, not both.');
    if (quantile !== undefined && !(quantile >= LEAST_QUANTILE && quantile <= MOST_QUANTILE)) {
      throw refused('quantile', `quantile is the share of ordinary customers below the threshold, from ${LEAST_QUANTILE} to ${MOST_QUANTILE}; ${quantile} is not. For 99.5 % give 0.995.`);
    }
    if (threshold !== undefined && !(threshold > 0 && threshold <= 1)) {
      throw refused('threshold', `threshold is a novelty, above 0 and at most 1; ${threshold} is not.`);
    }
    const asksForMeasure = quantile !== undefined;
    await this.repository.set(workspaceId, { quantile: quantile ?? null, threshold: threshold ?? null }, (measured, modelId) => asksForMeasure && modelId !== null && mustBeMeasured(measured));
    this.signal.announce(workspaceId);
    return { thresholds: await this.thresholds(workspaceId) };
  }
}

function mustBeMeasured(measured: novelty.OrdinaryNovelty | undefined): void {
  if (measured?.customers) return;
  throw RpcError.precondition('The champion has not measured how far ordinary novelty reaches (it was learned before that was done, or from too few customers). Train a model, or give a threshold.', { reason: 'NOT_MEASURED' });
}

function refused(field: string, message: string): RpcError {
  return RpcError.invalid(message, { reason: 'THRESHOLD_INVALID', metadata: { field } });
}
