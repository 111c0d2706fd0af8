import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { tellCrossings } from '../definition/member.writes.js';
import { lockMemberships } from '../scoring/write.lock.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { drawRegion, type Region, vectorOf } from './region.js';
import { type EmbeddingRow, RegionRepository, type StoredRegion } from './region.repository.js';
import { crossRegions } from './region.writes.js';

/** Scoring waits while so many are looked at: tens of milliseconds. */
const LOOKED_AT_ONCE = 2_000;
/** Customers who stand for all. */
export const CROWD = 100;
/** Examples that a region is drawn from. */
const POINTS = 50;

const NEWEST = `select ${microsSql('newest_event_at')} as at from serving.active_model join serving.shadow_models using (workspace_id, model_id)`;

/**
 * Draws regions in the space of the served model, anew with each model, from their examples; then looks at everyone, some at a
 * time. Whoever is read meanwhile is judged by scoring itself, in the transaction that writes their state. Both hold the lock of
 * memberships, so that what one of them has not seen, the other has.
 */
@Injectable()
export class RegionBuilder {
  constructor(
    private readonly regions: RegionRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /** One step, in one transaction; answers whether there is more to do at once, and whether anybody's membership changed. */
  take(workspaceId: string): Promise<{ hasMore: boolean; hasChanges: boolean }> {
    return this.regions.within(workspaceId, async (client) => {
      if (!(await this.unfinished(client))) return { hasMore: false, hasChanges: false };
      await lockMemberships(client, workspaceId);
      const due = await this.unfinished(client);
      if (!due) return { hasMore: false, hasChanges: false };
      const { region, modelId } = due;
      if (region.modelId !== modelId) {
        await this.redraw(client, region, modelId);
        return { hasMore: true, hasChanges: false };
      }
      return { hasMore: true, hasChanges: await this.look(client, workspaceId, region, modelId) };
    });
  }

  /** A region that is not drawn in the served space, or of which not everyone has been looked at. */
  private async unfinished(client: PoolClient): Promise<{ region: StoredRegion; modelId: string } | undefined> {
    const modelId = await this.regions.servedModel(client);
    if (!modelId) return undefined;
    const region = (await this.regions.all(client)).find((one) => one.modelId !== modelId || !one.isBuilt);
    return region && { region, modelId };
  }

  private async redraw(client: PoolClient, { segmentId, examples, modelId: former }: StoredRegion, modelId: string): Promise<void> {
    const { region } = await this.draw(client, modelId, examples);
    await this.regions.redraw(client, segmentId, modelId, region, former !== null);
  }

  /** Examples that the model does not know are left out; without any, the region is empty and nobody is in it. */
  async draw(client: PoolClient, modelId: string, examples: readonly string[]): Promise<{ region: Region; heldOut: number[] }> {
    const crowd = await this.regions.sample(client, modelId, CROWD);
    const width = (crowd[0]?.embedding.length ?? 0) / 4;
    const points = (await this.regions.embeddings(client, modelId, examples)).slice(0, POINTS);
    return drawRegion(rowsOf(points, width), rowsOf(crowd, width), width);
  }

  private async look(client: PoolClient, workspaceId: string, region: StoredRegion, modelId: string): Promise<boolean> {
    const states = await this.regions.next(client, modelId, region.lookedUpTo, LOOKED_AT_ONCE);
    const isAll = states.length < LOOKED_AT_ONCE;
    const gone = isAll ? await this.regions.membersWithoutState(client, region.segmentId, modelId) : [];
    const newest = (await client.query<{ at: Micros | null }>(NEWEST)).rows[0]?.at ?? null;
    const now = isoOf(await this.directory.now(workspaceId, newest));
    const crossings = await crossRegions(client, [region], { states, gone, now, isAnew: true, isByPromotion: region.byPromotion });
    await this.regions.looked(client, region.segmentId, { customers: states.length, upTo: states.at(-1)?.customerId ?? region.lookedUpTo, isAll });
    return tellCrossings(client, workspaceId, crossings, now);
  }
}

function rowsOf(rows: readonly EmbeddingRow[], width: number): Float32Array {
  const fitting = rows.filter(({ embedding }) => embedding.length === width * 4);
  const floats = new Float32Array(fitting.length * width);
  fitting.forEach(({ embedding }, at) => floats.set(vectorOf(embedding), at * width));
  return floats;
}
