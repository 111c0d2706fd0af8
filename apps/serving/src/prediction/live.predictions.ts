import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { ArtifactStore } from '#libs/artifacts';
import { SERVICE } from '#libs/service';

import { type LiveHead, type LiveHeadPlace, openLiveHead } from '../onnx/live.head.js';
import { ARTIFACTS, type Context } from '../store.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { PredictionRepository, type PredictionRow } from './prediction.repository.js';

const KEPT = 64;

/**
 * What heads say of customers now: read from the states that scoring keeps, when somebody asks, so that an event costs nothing more.
 * Says nothing by a head of a tuned encoder, and nothing by one whose model is not the served one.
 */
@Injectable()
export class LivePredictions {
  private readonly opened = new LRUCache<string, Promise<LiveHead | undefined>>({ max: KEPT });

  constructor(
    private readonly repository: PredictionRepository,
    private readonly directory: WorkspaceDirectory,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  async ofCustomers(workspaceId: string, customerIds: readonly string[]): Promise<PredictionRow[]> {
    const heads = await this.repository.liveHeads(workspaceId);
    if (heads.length === 0) return [];
    const { newestEventAt, states } = await this.repository.states(workspaceId, customerIds);
    const now = await this.directory.now(workspaceId, newestEventAt);
    const said = await Promise.all(heads.map(async ({ labelSetId, headId, ...place }) => {
      const head = await this.of(place);
      const known = states.filter(({ state }) => head?.knows(state)).map((kept) => ({ ...kept, at: Math.max(now, kept.lastEventAt ?? 0) }));
      const read = (await head?.said(known)) ?? [];
      return read.map((one, row) => ({ ...one, customerId: known[row]!.customerId, labelSetId, headId, asOf: known[row]!.at, live: true }));
    }));
    return said.flat();
  }

  /** Undefined where it cannot be opened: what was written for everyone stands. */
  private of(place: LiveHeadPlace): Promise<LiveHead | undefined> {
    const known = this.opened.get(place.uri);
    if (known) return known;
    const opening = openLiveHead(this.artifacts, place).catch((error: unknown) => {
      this.context.log.warn({ err: error, uri: place.uri }, 'the live form of a head cannot be opened; its predictions stay as they were written');
      this.opened.delete(place.uri);
      return undefined;
    });
    this.opened.set(place.uri, opening);
    return opening;
  }
}
