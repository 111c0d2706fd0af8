import { Injectable } from '@nestjs/common';

import { serving, worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { PeerFailure } from '../step/failure.js';
import { hear, Peers } from '../step/peers.js';
import { ordinaryNoveltyOf } from './model.mapper.js';
import type { NewModel } from './model.repository.js';

/** When serving switched, and how many customers moved. */
export interface Activation {
  readonly activatedAt: Date;
  readonly moved: number;
}

/** Loading a shadow of a million customers; a promotion waits no longer. */
const SHADOW_WITHIN_MS = 600_000;
const SWITCH_WITHIN_MS = 120_000;

/** What training asks of serving. */
@Injectable()
export class ModelActivation {
  constructor(private readonly peers: Peers) {}

  /** Loads a model beside the served one, unless that was done, and has it take in what came since, for so long at most. */
  async prepareShadow(
    workspaceId: string,
    model: NewModel,
    { signal, progress, catchUpSeconds = 0 }: { signal?: AbortSignal; progress?: (fraction: number) => void; catchUpSeconds?: number } = {},
  ): Promise<void> {
    const request: serving.PrepareShadowRequest = {
      modelId: model.id,
      modelUri: model.uri,
      modelHash: model.hash,
      customersUri: model.customersUri,
      customersSha256: model.customersSha256,
      position: { horizon: Number(model.positionHorizon), sequence: Number(model.positionSequence) },
      segments: model.segments.map((segment) => worker.DiscoveredSegment.fromJSON(segment)),
      retiredChampionIndexes: model.retiredChampionIndexes,
      championModelId: model.championModelId ?? '',
      ordinaryNovelty: ordinaryNoveltyOf(model.ordinaryNovelty),
      catchUpSeconds,
    };
    const call = await this.peers.as(workspaceId, { deadline: SHADOW_WITHIN_MS, ...(signal ? { signal } : {}) });
    for await (const { fraction, completed } of hear('serving', this.peers.activation.prepareShadow(request, call))) {
      progress?.(fraction);
      if (completed) return;
    }
    throw new PeerFailure('serving', new RpcError(status.INTERNAL, 'the stream ended before the shadow was complete', { reason: 'INCOMPLETE' }));
  }

  /** Switches everyone to the model. `STALE`: serving has seen a later promotion. The same promotion again is harmless. */
  async activate(workspaceId: string, modelId: string, fence: number): Promise<Activation | 'STALE'> {
    try {
      const call = await this.peers.as(workspaceId, { deadline: SWITCH_WITHIN_MS });
      const { activatedAt, moved } = await this.peers.activation.activate({ modelId, fence }, call);
      return { activatedAt: timeOf(activatedAt), moved };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (error.reason !== 'STALE_FENCE') throw new PeerFailure('serving', error);
      // The answer to an earlier attempt may have been lost on its way.
      const active = await this.peers.activation.getActiveModel({}, await this.peers.as(workspaceId));
      const isOurs = active.modelId === modelId && active.fence === fence;
      return isOurs ? { activatedAt: timeOf(active.activatedAt), moved: 0 } : 'STALE';
    }
  }
}

const timeOf = (timestamp: string | undefined): Date => (timestamp === undefined ? new Date() : new Date(timestamp));
