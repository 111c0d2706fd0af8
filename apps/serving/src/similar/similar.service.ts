import { Injectable } from '@nestjs/common';

import type { similar } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { NIL, onlyUuids, uuidFilter } from '../page/uuid.js';
import { CustomerDirectory } from '../workspace/customer.directory.js';
import { similarityOf } from './embedding.js';
import type { Search } from './neighbour.space.js';
import { type EmbeddingRow, type ServedSpace, SimilarRepository } from './similar.repository.js';
import { floatsOf, type Loaded, SimilarSpaces } from './similar.spaces.js';

const MOST = 100;
const DEFAULT = 10;
const MOST_SEEDS = 500;
/** Of a segment, so many stand for all. */
const SEEDS_OF_SEGMENT = 100;
/** Asked for beside what is wanted, for those who moved or went since the space was read. */
const SPARE = 8;

interface Answer {
  readonly customers: similar.SimilarCustomer[];
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

  similar(workspaceId: string, { customerId, first }: similar.ListSimilarCustomersRequest): Promise<similar.ListSimilarCustomersResponse> {
    return this.nearest(workspaceId, onlyUuids([customerId]), wanted(first));
  }

  async lookAlikes(workspaceId: string, request: similar.ListLookAlikesRequest): Promise<similar.ListLookAlikesResponse> {
    const count = wanted(request.first);
    const seeds = await this.seedsOf(workspaceId, request);
    const answer = await this.nearest(workspaceId, seeds, count);
    return { ...answer, seeds: seeds.length } satisfies similar.ListLookAlikesResponse;
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

  private async nearest(workspaceId: string, seeds: readonly string[], count: number): Promise<Answer> {
    const served = await this.states.served(workspaceId);
    const own = served ? await this.states.embeddings(workspaceId, served.modelId, seeds) : [];
    if (!served || own.length === 0) return { customers: [], search: undefined };
    const space = await this.spaces.of(workspaceId, served);
    const asked = own.filter(({ embedding }) => embedding.length === space.width * Float32Array.BYTES_PER_ELEMENT);
    const found = await this.spaces.nearest(space, floatsOf(asked.map(({ embedding }) => embedding)), count + seeds.length + SPARE);
    const proposed = found.customerIds.filter((id) => !seeds.includes(id));
    return { customers: (await this.asTheyAre(workspaceId, served, space, proposed, asked)).slice(0, count), search: this.toSearch(space, found) };
  }

  private async asTheyAre(
    workspaceId: string,
    { modelId }: ServedSpace,
    space: Loaded,
    proposed: readonly string[],
    asked: readonly EmbeddingRow[],
  ): Promise<similar.SimilarCustomer[]> {
    const there = await this.states.embeddings(workspaceId, modelId, proposed);
    const present = new Set(there.map(({ customerId }) => customerId));
    await this.spaces.drop(space, proposed.filter((id) => !present.has(id)));
    return there
      .map(({ customerId, embedding }) => ({ customerId, similarity: Math.max(...asked.map((seed) => similarityOf(seed.embedding, embedding))) }))
      .sort((a, b) => b.similarity - a.similarity || (a.customerId < b.customerId ? -1 : 1));
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

function wanted(first: number): number {
  if (first > MOST) throw RpcError.invalid(`At most ${MOST} similar customers at once.`, { reason: 'PAGE_TOO_LARGE' });
  return first || DEFAULT;
}
