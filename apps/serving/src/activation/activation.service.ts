import { Inject, Injectable } from '@nestjs/common';
import { validate } from 'uuid';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';
import type { serving } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { ChangeSignal } from '../change/change.signal.js';
import { UNSEEN } from '../scoring/assignment.rule.js';
import { FeedRepository } from '../scoring/feed.repository.js';
import { ALL_PARTITIONS, leastOf, ScoringRepository } from '../scoring/scoring.repository.js';
import { ScoringService } from '../scoring/scoring.service.js';
import { ARTIFACTS } from '../store.js';
import { isoOf, type Micros } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { ActivationRepository } from './activation.repository.js';
import { openBackfill } from './backfill.reader.js';
import { ShadowFollower } from './shadow.follower.js';
import { ShadowRepository } from './shadow.repository.js';

/** Brings models in beside the served one, and switches between them. */
@Injectable()
export class ActivationService {
  constructor(
    private readonly shadows: ShadowRepository,
    private readonly activations: ActivationRepository,
    private readonly scoring: ScoringService,
    private readonly follower: ShadowFollower,
    private readonly changes: ChangeSignal,
    private readonly directory: WorkspaceDirectory,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
  ) {}

  async *prepare(workspaceId: string, request: serving.PrepareShadowRequest): AsyncGenerator<serving.PrepareShadowResponse> {
    if (!validate(request.modelId)) throw RpcError.invalid('model_id must be a UUID.', { reason: 'MODEL_INVALID' });
    const known = await this.shadows.find(workspaceId, request.modelId);
    if (known?.isPrepared && (known.customersSha256 !== request.customersSha256 || known.hash !== request.modelHash)) {
      throw RpcError.precondition('This model was prepared from other files; a model never changes.', { reason: 'MODEL_CHANGED' });
    }
    const customers = known?.isPrepared ? known.customers : yield* this.load(workspaceId, request);
    for await (const _ of this.follower.follow(workspaceId, request.modelId, Date.now() + request.catchUpSeconds * 1_000)) {
      yield { fraction: 1, customers, completed: false };
    }
    yield { fraction: 1, customers, completed: true };
  }

  async activate(workspaceId: string, { modelId, fence }: serving.ActivateRequest): Promise<serving.ActivateResponse> {
    const candidate = validate(modelId) ? await this.activations.candidate(workspaceId, modelId) : undefined;
    if (!candidate?.isPrepared) throw RpcError.precondition('This model is not prepared here.', { reason: 'MODEL_NOT_PREPARED' });
    const now = await this.directory.now(workspaceId, candidate.newestEventAt);
    const result = await this.activations.switchTo(workspaceId, modelId, fence, now);
    if (result.outcome === 'STALE_FENCE') {
      throw new RpcError(status.ABORTED, `A later promotion was seen here (fence ${result.fence}).`, {
        reason: 'STALE_FENCE',
        metadata: { seen: String(result.fence), given: String(fence) },
      });
    }
    this.changes.announce(workspaceId);
    this.scoring.wake(workspaceId);
    if (result.outcome === 'SWITCHED') await this.activations.measureTables(workspaceId);
    return {
      activatedAt: result.activatedAt.toISOString(),
      moved: result.outcome === 'SWITCHED' ? result.moved : 0,
    } satisfies serving.ActivateResponse;
  }

  private async verified({ customersUri, customersSha256 }: serving.PrepareShadowRequest): Promise<string> {
    try {
      await this.artifacts.verify(customersUri, customersSha256);
      return await this.artifacts.localFileOf(customersUri);
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      throw new RpcError(status.DATA_LOSS, error.message, { reason: error.reason, cause: error });
    }
  }

  /** In transactions of one piece each: a long one would hold back the feed of every workspace. Returns how many customers there are. */
  private async *load(workspaceId: string, request: serving.PrepareShadowRequest): AsyncGenerator<serving.PrepareShadowResponse, number> {
    const { modelId, modelUri, modelHash, segments } = request;
    const file = await this.verified(request);
    await this.shadows.register(workspaceId, request);
    const indexes = new Set(segments.map(({ index }) => index)).add(UNSEEN);
    const backfill = await openBackfill(file);
    let customers = 0;
    let newestEventAt: Micros | null = null;
    try {
      for await (const states of backfill.chunks()) {
        const stray = states.flatMap(({ segmentIndex, finerIndex }) => [segmentIndex, finerIndex ?? UNSEEN]).find((index) => !indexes.has(index));
        if (stray !== undefined) throw RpcError.invalid(`The backfill names segment ${stray}, which the model does not draw.`, { reason: 'BACKFILL_INVALID' });
        await this.shadows.load(workspaceId, modelId, states);
        customers += states.length;
        for (const { lastEventAt } of states) newestEventAt = Math.max(newestEventAt ?? Number.NEGATIVE_INFINITY, lastEventAt ?? Number.NEGATIVE_INFINITY);
        yield { fraction: customers / backfill.rows, customers, completed: false };
      }
    } finally {
      backfill.close();
    }
    await this.activations.measureTables(workspaceId);
    await this.shadows.finish(workspaceId, modelId, customers, Number.isFinite(newestEventAt) ? newestEventAt : null);
    await this.scoring.warm({ modelId, uri: modelUri, hash: modelHash });
    return customers;
  }
}

/** What is served, and how far behind the feed it is. */
@Injectable()
export class ActiveModelService {
  constructor(
    private readonly activations: ActivationRepository,
    private readonly scoring: ScoringRepository,
    private readonly feed: FeedRepository,
  ) {}

  async get(workspaceId: string): Promise<serving.GetActiveModelResponse> {
    const active = await this.activations.active(workspaceId);
    if (!active) return { modelId: '', fence: 0, activatedAt: undefined, backlogEvents: 0, newestAppliedAt: undefined };
    const standing = await this.scoring.standing(workspaceId, ALL_PARTITIONS);
    const newest = standing?.served.newestEventAt ?? null;
    const backlog = standing ? await this.feed.countAfter(workspaceId, leastOf([...standing.places.values()].map(({ position }) => position))) : 0;
    return {
      modelId: active.modelId,
      fence: active.fence,
      activatedAt: active.activatedAt.toISOString(),
      backlogEvents: backlog,
      newestAppliedAt: newest === null ? undefined : isoOf(newest),
    } satisfies serving.GetActiveModelResponse;
  }
}
