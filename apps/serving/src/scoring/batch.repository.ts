import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { tellCrossings } from '../definition/member.writes.js';
import { guardLeases } from '../lease/lease.repository.js';
import { DATABASE } from '../store.js';
import { crossRegions, regionsOf } from '../region/region.writes.js';
import { isoOf } from '../time/micros.js';
import { unusualBefore, unusualWrites } from '../unusual/unusual.writes.js';
import { membershipWrites, placesOf } from './membership.writes.js';
import type { ScoredBatch, ShadowBatch } from './scored.batch.js';
import type { ServedModel } from './scoring.repository.js';
import { writeStates } from './state.repository.js';
import { lockChanges, shareMemberships } from './write.lock.js';

/** Somebody else moved on (an activation, a replica that took a partition): the batch was not written. */
export class StaleBatch extends Error {}

/** Because another model is served by now, or somebody was forgotten: what stands in the tables may be gone on with at once. */
export class SupersededBatch extends StaleBatch {}

const IS_SERVED = `select from serving.active_model a join serving.shadow_models m using (workspace_id, model_id)
  where m.model_id = $1 and a.fence = $2 and m.erasures = $3`;
const IS_SHADOW = `select from serving.shadow_models m
  where m.model_id = $1 and m.erasures = $2 and not exists (select from serving.active_model a where a.model_id = m.model_id)`;

const ADVANCES = `json_to_recordset($2::json) as r(partition smallint, horizon bigint, sequence bigint, mapping_horizon bigint, mapping_sequence bigint,
  was_horizon bigint, was_sequence bigint, was_mapping_horizon bigint, was_mapping_sequence bigint)`;
/** Only from where it stood; without a row it stands where the model began, and of two who move it on from there one is late. */
const ADVANCE = `insert into serving.partition_positions as held
    (workspace_id, model_id, partition, position_horizon, position_sequence, mapping_horizon, mapping_sequence)
  select kindred.workspace(), $1, r.partition, r.horizon, r.sequence, r.mapping_horizon, r.mapping_sequence from ${ADVANCES}
  on conflict (workspace_id, model_id, partition) do update
    set position_horizon = excluded.position_horizon, position_sequence = excluded.position_sequence,
        mapping_horizon = excluded.mapping_horizon, mapping_sequence = excluded.mapping_sequence
    where (held.position_horizon, held.position_sequence, held.mapping_horizon, held.mapping_sequence) in (
      select r.was_horizon, r.was_sequence, r.was_mapping_horizon, r.was_mapping_sequence from ${ADVANCES} where r.partition = held.partition)`;

const NEWEST = `update serving.shadow_models set newest_event_at = greatest(newest_event_at, $2) where model_id = $1`;

/** Group commits of what was scored. */
@Injectable()
export class BatchRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Writes states, memberships, who is unusual, what changed and the positions in one transaction, or nothing; the
   * statements go out together, the locks first. Answers whether there is something to tell. Throws StaleBatch.
   */
  commit(workspaceId: string, replicaId: string, batch: ScoredBatch): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const newcomers = [...batch.states.map(({ customerId }) => customerId), ...batch.gone].filter((id) => !batch.former.has(id));
      // Two waves, each sent whole before the next begins: what fails in one leaves no statement behind it.
      const [, isGuarded, isServed, isAdvanced, places, regions, unusual] = await Promise.all([
        shareMemberships(client, workspaceId),
        guardLeases(client, replicaId, batch.leases),
        isStillServed(client, batch.served),
        advance(client, batch),
        placesOf(client, newcomers),
        regionsOf(client, batch.served.modelId),
        unusualBefore(client, batch.served.modelId, [...batch.states.map(({ customerId }) => customerId), ...batch.gone]),
      ]);
      if (!isGuarded || !isAdvanced) throw new StaleBatch('another replica reads these customers now');
      if (!isServed) throw new SupersededBatch('another model is served by now, or somebody was forgotten');
      const { newestEventAt, served: { modelId } } = batch;
      const memberships = membershipWrites(batch, places);
      const novel = unusualWrites(batch, unusual);
      const now = isoOf(batch.now);
      const crossings = await crossRegions(client, regions, { states: batch.states, gone: batch.gone, now });
      const [own, told] = [[...memberships.own, ...novel.own], [...memberships.told, ...novel.told]];
      await Promise.all([
        writeStates(client, modelId, batch.states),
        ...own.map((write) => write(client)),
        ...(told.length > 0 ? [lockChanges(client, workspaceId)] : []),
        ...told.map((write) => write(client)),
        ...(newestEventAt === null ? [] : [client.query({ name: 'newest', text: NEWEST, values: [modelId, isoOf(newestEventAt)] })]),
      ]);
      const hasCrossed = await tellCrossings(client, workspaceId, crossings, now);
      return memberships.hasChanges || novel.told.length > 0 || hasCrossed;
    });
  }

  /** Writes states of a model that is not served, and how far they stand, in one transaction, or nothing. Throws StaleBatch. */
  async commitShadow(workspaceId: string, batch: ShadowBatch): Promise<void> {
    const { served: { modelId, erasures }, states, newestEventAt } = batch;
    await this.database.onConnection(workspaceId, async (client) => {
      const [, { rowCount }, isAdvanced] = await Promise.all([
        shareMemberships(client, workspaceId),
        client.query({ name: 'is-shadow', text: IS_SHADOW, values: [modelId, erasures] }),
        advance(client, batch),
      ]);
      if (rowCount === 0) throw new StaleBatch('the model is served by now, or somebody was forgotten');
      if (!isAdvanced) throw new StaleBatch('somebody else brings this model up to the feed');
      await Promise.all([
        writeStates(client, modelId, states),
        ...(newestEventAt === null ? [] : [client.query({ name: 'newest', text: NEWEST, values: [modelId, isoOf(newestEventAt)] })]),
      ]);
    });
  }
}

async function isStillServed(client: PoolClient, { modelId, fence, erasures }: ServedModel): Promise<boolean> {
  const { rowCount } = await client.query({ name: 'is-served', text: IS_SERVED, values: [modelId, fence, erasures] });
  return rowCount === 1;
}

async function advance(client: PoolClient, { served, advances }: Pick<ScoredBatch, 'served' | 'advances'>): Promise<boolean> {
  if (advances.length === 0) return true;
  const rows = advances.map(({ partition, from, to }) => ({
    partition,
    horizon: to.position.horizon,
    sequence: to.position.sequence,
    mapping_horizon: to.mapping.horizon,
    mapping_sequence: to.mapping.sequence,
    was_horizon: from.position.horizon,
    was_sequence: from.position.sequence,
    was_mapping_horizon: from.mapping.horizon,
    was_mapping_sequence: from.mapping.sequence,
  }));
  const { rowCount } = await client.query({ name: 'advance', text: ADVANCE, values: [served.modelId, JSON.stringify(rows)] });
  return rowCount === advances.length;
}
