import { Injectable } from '@nestjs/common';

import type { similar } from '#libs/contracts';
import { expectFewIds, RpcError } from '#libs/grpc';

import { distinctUuids, NIL, uuidFilter } from '../page/uuid.js';
import { CustomerDirectory } from '../workspace/customer.directory.js';
import { similarityOf } from './embedding.js';
import type { Search } from './neighbour.space.js';
import { type EmbeddingRow, SimilarRepository } from './similar.repository.js';
import { type Loaded, SimilarSpaces } from './similar.spaces.js';

const MOST = 100;
const DEFAULT = 10;
const MOST_SEEDS = 500;
/** Of whom each is searched for. */
const MOST_CUSTOMERS = 100;
/** Of a segment, so many stand for all. */
const SEEDS_OF_SEGMENT = 100;
/** Asked for beside what is wanted, for those who moved or went since the space was read. */
const SPARE = 8;

interface Answer {
  /** By group of seeds, nearest first. */
  readonly groups: similar.SimilarCustomer[][];
  readonly search: similar.SimilaritySearch | undefined;
}

/**
 * Who is like whom. The space proposes; who is told, and how alike they are, is what the states say now: whoever was erased or
 * has moved away is not told, whatever the space still holds.
 */
@Injectable()
export class SimilarService {
  constructor(
    private readonly states: SimilarRepository,
    private readonly spaces: SimilarSpaces,
    private readonly customers: CustomerDirectory,
  ) {}

  async similarToEach(workspaceId: string, { customerIds, first }: similar.ListSimilarToCustomersRequest): Promise<similar.ListSimilarToCustomersResponse> {
    const count = wanted(first);
    expectFewIds(customerIds, MOST_CUSTOMERS);
    const ids = distinctUuids(customerIds);
    const { groups, search } = await this.nearest(workspaceId, ids.map((id) => [id]), count);
    const byId = new Map(ids.map((id, at) => [id, groups[at]]));
    return { customers: customerIds.map((customerId) => ({ customerId, neighbours: byId.get(customerId.toLowerCase()) ?? [] })), search } satisfies similar.ListSimilarToCustomersResponse;
  }

  async lookAlikes(workspaceId: string, request: similar.ListLookAlikesRequest): Promise<similar.ListLookAlikesResponse> {
    const count = wanted(request.first);
    const seeds = await this.seedsOf(workspaceId, request);
    const { groups: [customers = []], search } = await this.nearest(workspaceId, [seeds], count);
    return { customers, search, seeds: seeds.length } satisfies similar.ListLookAlikesResponse;
  }

  async search(workspaceId: string): Promise<similar.GetSimilaritySearchResponse> {
    const served = await this.states.served(workspaceId);
    if (!served) return { search: undefined };
    const space = await this.spaces.of(workspaceId, served);
    return { search: this.toSearch(space, await this.spaces.held(space)) };
  }

  private async seedsOf(workspaceId: string, { userIds, segmentId }: similar.ListLookAlikesRequest): Promise<string[]> {
    if ((userIds.length > 0) === (segmentId !== '')) throw RpcError.invalid('Give either user ids or a segment.', { reason: 'SEEDS_INVALID' });
    if (segmentId !== '') {
      const id = uuidFilter(segmentId) ?? NIL;
      const members = await this.states.members(workspaceId, id, SEEDS_OF_SEGMENT);
      if (members.length === 0 && !(await this.states.hasSegment(workspaceId, id))) throw RpcError.notFound('There is no such segment.', { reason: 'SEGMENT_UNKNOWN' });
      if (members.length === 0) throw RpcError.invalid('Nobody is in that segment now.', { reason: 'SEEDS_INVALID' });
      return members;
    }
    return this.customers.resolve(workspaceId, userIds, MOST_SEEDS);
  }

  /** To each of the groups of seeds, without them: as many statements for many groups as for one. */
  private async nearest(workspaceId: string, groups: readonly (readonly string[])[], count: number): Promise<Answer> {
    const served = await this.states.served(workspaceId);
    const own = served ? await this.states.embeddings(workspaceId, served.modelId, groups.flat()) : [];
    if (!served || own.length === 0) return { groups: groups.map(() => []), search: undefined };
    const space = await this.spaces.of(workspaceId, served);
    const fitting = new Map(own.filter(({ embedding }) => embedding.length === space.width * Float32Array.BYTES_PER_ELEMENT).map((row) => [row.customerId, row]));
    const asked = groups.map((seeds) => seeds.flatMap((id) => fitting.get(id) ?? []));
    const most = Math.max(0, ...groups.map(({ length }) => length));
    const { groups: near, ...search } = await this.spaces.nearest(space, asked, count + most + SPARE);
    const found = near.map(({ customerIds }, at) => customerIds.filter((id) => !groups[at]?.includes(id)));
    const there = await this.asTheyAre(workspaceId, space, [...new Set(found.flat())]);
    return { groups: found.map((customerIds, at) => ranked(customerIds, there, asked[at] ?? []).slice(0, count)), search: this.toSearch(space, search) };
  }

  /** The embeddings that the customers have now; the space lets go of whoever has none. */
  private async asTheyAre(workspaceId: string, space: Loaded, customerIds: readonly string[]): Promise<Map<string, Buffer>> {
    const there = new Map((await this.states.embeddings(workspaceId, space.modelId, customerIds)).map(({ customerId, embedding }) => [customerId, embedding]));
    await this.spaces.drop(space, customerIds.filter((id) => !there.has(id)));
    return there;
  }

  private toSearch(space: Loaded, { isExact, recall, recallSample, builtAt, customers }: Search): similar.SimilaritySearch {
    return {
      isExact, recall, recallSample, customers,
      builtAt: builtAt === 0 ? undefined : new Date(builtAt).toISOString(),
      asOf: this.spaces.asOf(space),
      modelId: space.modelId,
    } satisfies similar.SimilaritySearch;
  }
}

/** Those who are there, by how near they are to the nearest of the seeds. */
function ranked(customerIds: readonly string[], there: ReadonlyMap<string, Buffer>, seeds: readonly EmbeddingRow[]): similar.SimilarCustomer[] {
  return customerIds
    .flatMap((customerId) => {
      const embedding = there.get(customerId);
      return embedding ? [{ customerId, similarity: Math.max(...seeds.map((seed) => similarityOf(seed.embedding, embedding))) }] : [];
    })
    .sort((a, b) => b.similarity - a.similarity || (a.customerId < b.customerId ? -1 : 1));
}

function wanted(first: number): number {
  if (first > MOST) throw RpcError.invalid(`At most ${MOST} similar customers at once.`, { reason: 'PAGE_TOO_LARGE' });
  return first || DEFAULT;
}
