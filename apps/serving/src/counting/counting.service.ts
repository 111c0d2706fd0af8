import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { counting } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { SegmentService } from '../segment/segment.service.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { type Behind, CountingRepository } from './counting.repository.js';

const { MODEL, RULES, NOBODY } = counting.CountFollower;

/** Of a million customers it takes some tenths of a second. */
const FRESH_MS = 1_000;
const MOST_WORKSPACES = 1_000;

interface Followed {
  readonly basis: counting.CountBasis;
  readonly behind: Behind | null;
}

/** Says of counts what is not known with them: how many customers there are, and how many events are still to come in. */
@Injectable()
export class CountingService {
  private readonly customers: LRUCache<string, number>;

  constructor(
    private readonly counted: CountingRepository,
    private readonly segments: SegmentService,
    private readonly directory: WorkspaceDirectory,
  ) {
    this.customers = new LRUCache<string, number>({ max: MOST_WORKSPACES, ttl: FRESH_MS, fetchMethod: (workspaceId) => counted.customers(workspaceId) });
  }

  async reach(workspaceId: string, { follower, modelId }: counting.GetCountReachRequest): Promise<counting.GetCountReachResponse> {
    const [{ basis, behind }, customers] = await Promise.all([this.followed(workspaceId, follower, modelId), this.customers.fetch(workspaceId)]);
    return { basis, customers: customers ?? 0, eventsBehind: behind?.events, secondsBehind: behind?.seconds } satisfies counting.GetCountReachResponse;
  }

  private followed(workspaceId: string, follower: counting.CountFollower, modelId: string): Promise<Followed> {
    if (follower === MODEL) return this.ofModel(workspaceId, modelId);
    if (follower === RULES) return this.ofRules(workspaceId);
    if (follower === NOBODY) return this.ofAll(workspaceId);
    throw RpcError.invalid('follower: say who follows the events of the count.', { reason: 'FOLLOWER_INVALID' });
  }

  private async ofModel(workspaceId: string, modelId: string): Promise<Followed> {
    const basis = await this.segments.basis(workspaceId, modelId);
    return { basis, behind: basis.modelId === '' ? null : await this.counted.behindModel(workspaceId, basis.modelId) };
  }

  private async ofRules(workspaceId: string): Promise<Followed> {
    const { behind, newestEventAt } = await this.counted.rules(workspaceId);
    const asOf = await this.directory.asOf(workspaceId, newestEventAt);
    return { basis: { asOf, modelId: '', placed: 0, unseen: 0, newestEventAt: newestEventAt === null ? undefined : isoOf(newestEventAt) }, behind };
  }

  private async ofAll(workspaceId: string): Promise<Followed> {
    const { asOf } = await this.segments.basis(workspaceId, '');
    return { basis: { asOf, modelId: '', placed: 0, unseen: 0, newestEventAt: undefined }, behind: null };
  }
}
