import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';
import type { foresight } from '#libs/contracts';
import { expectFewIds, RpcError } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { onlyUuids } from '../page/uuid.js';
import { ARTIFACTS, type Context } from '../store.js';
import { isoOf, microsOf } from '../time/micros.js';
import { endOf } from '../time/past.js';
import { PastReadings } from '../scoring/past.readings.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { toBaskets } from './basket.js';
import { ForesightRepository, type KeptEmbedding, type ServedBundle } from './foresight.repository.js';
import { HistoryRepository } from './history.repository.js';
import { type ItemTable, readItemTable } from './item.table.js';
import { recommend } from './recommendation.js';

const MOST_CUSTOMERS = 100;
const MOST_ITEMS = 100;
const DEFAULT_ITEMS = 5;
/** Baskets of each customer that are looked at, the latest. */
const MOST_BASKETS = 300;
/** Tables held; the largest is some five megabytes. */
const MOST_TABLES = 20;

const NONE = Symbol('a model without items');

/** Items that customers may take next: computed when asked, so that nothing on the way of events costs more for it. */
@Injectable()
export class RecommendationService {
  private readonly tables: LRUCache<string, ItemTable | typeof NONE, ServedBundle>;

  constructor(
    private readonly kept: ForesightRepository,
    private readonly history: HistoryRepository,
    private readonly directory: WorkspaceDirectory,
    private readonly past: PastReadings,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    this.tables = new LRUCache<string, ItemTable | typeof NONE, ServedBundle>({
      max: MOST_TABLES,
      fetchMethod: (_key, _stale, { context: served }) => this.load(served),
    });
  }

  async ofCustomers(workspaceId: string, { customerIds, first, excludeOwned, asOf }: foresight.RecommendItemsRequest): Promise<foresight.RecommendItemsResponse> {
    expectFewIds(customerIds, MOST_CUSTOMERS);
    if (first > MOST_ITEMS) throw RpcError.invalid(`At most ${MOST_ITEMS} items at once.`, { reason: 'PAGE_TOO_LARGE' });
    const served = await this.kept.served(workspaceId);
    const wish = { first: first || DEFAULT_ITEMS, excludeOwned };
    const byCustomer = served ? await this.recommended(workspaceId, served, [...new Set(onlyUuids(customerIds))], wish, asOf) : undefined;
    return {
      customers: customerIds.map((customerId) => ({ customerId, items: byCustomer?.get(customerId.toLowerCase()) ?? [] })),
      modelId: served?.modelId ?? '',
    } satisfies foresight.RecommendItemsResponse;
  }

  private async recommended(
    workspaceId: string,
    served: ServedBundle,
    customerIds: readonly string[],
    wish: { first: number; excludeOwned: boolean },
    past: string | undefined,
  ): Promise<Map<string, foresight.ItemRecommendation[]> | undefined> {
    const table = await this.tables.fetch(`${served.modelId}/${served.hash}`, { context: served });
    if (table === undefined || table === NONE) return undefined;
    const [embeddings, sent, asOf] = await Promise.all([
      past === undefined ? this.kept.embeddings(workspaceId, served.modelId, customerIds) : this.embeddingsThen(workspaceId, customerIds, past),
      this.history.baskets(workspaceId, customerIds, table, MOST_BASKETS, past && isoOf(endOf(microsOf(past)))),
      past ?? this.directory.asOf(workspaceId, served.newestEventAt),
    ]);
    return new Map(
      embeddings.map(({ customerId, embedding }) => {
        const items = recommend(table, toBaskets(table, sent.get(customerId) ?? []), toFloats(embedding), microsOf(asOf), wish);
        return [customerId, items.map((item) => ({ ...item, asOf, modelId: served.modelId }))];
      }),
    );
  }

  private async embeddingsThen(workspaceId: string, customerIds: readonly string[], past: string): Promise<KeptEmbedding[]> {
    const read = await this.past.of(workspaceId, customerIds, past);
    return [...(read?.readings ?? [])].map(([customerId, { embedding }]) => ({ customerId, embedding: Buffer.from(embedding) }));
  }

  /** A bundle that cannot be found has nothing to recommend; one that is not as it was sealed is a defect and is told. */
  private async load(served: ServedBundle): Promise<ItemTable | typeof NONE> {
    try {
      return (await readItemTable(this.artifacts, served.uri, served.hash)) ?? NONE;
    } catch (error) {
      if (!(error instanceof ArtifactError && error.reason === 'MISSING')) throw error;
      this.context.log.warn({ err: error, modelId: served.modelId }, 'the bundle of the served model is not there: nothing is recommended');
      return NONE;
    }
  }
}

function toFloats(bytes: Buffer): Float32Array {
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
