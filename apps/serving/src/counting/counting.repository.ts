import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database, Position } from '#libs/database';

import { PARTITIONS } from '../lease/partition.js';
import { leastOf } from '../scoring/scoring.repository.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

/** Events that are here and were not taken in. */
export interface Behind {
  /** Counted up to MOST_COUNTED. */
  readonly events: number;
  /** For how long the oldest of them has been here. */
  readonly seconds: number;
}

/** How far the rules of a workspace have come; `behind` null where there are none. */
export interface RulesReach {
  readonly behind: Behind | null;
  readonly newestEventAt: Micros | null;
}

const MOST_COUNTED = 10_000;

// Ids in their order from the index of whom subjects belong to: nothing is sorted, and no row of a table is read.
const CUSTOMERS = `select count(*)::float8 as customers from (select distinct customer_id from ingestion.subject_customers_v1) as known`;
const OF_MODEL = `select coalesce(p.position_horizon, m.position_horizon)::float8 as horizon, coalesce(p.position_sequence, m.position_sequence)::float8 as sequence
  from serving.shadow_models m cross join generate_series(0, ${PARTITIONS - 1}) as r(partition)
  left join serving.partition_positions p on p.workspace_id = m.workspace_id and p.model_id = m.model_id and p.partition = r.partition
  where m.model_id = $1 order by r.partition`;
const OF_RULES = `select event_horizon::float8 as horizon, event_sequence::float8 as sequence, ${microsSql('newest_event_at')} as "newestEventAt"
  from serving.definition_positions order by partition`;
const STANDS = 'serving.partition_of(f.customer_id) + 1';
/** From where the last partition stands, in the order of the feed; $3 and $4 say where each stands, in their order: what it has taken in is left out. */
const BEHIND = `select count(*)::float8 as events, coalesce(extract(epoch from now() - min(received_at)), 0)::float8 as seconds from (
    select f.received_at from ingestion.event_feed_v1 f
    where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) and (f.horizon, f.sequence) > (($3::bigint[])[${STANDS}], ($4::bigint[])[${STANDS}])
    order by f.horizon, f.sequence limit ${MOST_COUNTED}) as ahead`;
/** As FeedRepository.within: along the index, however many events there are. */
const ALONG_THE_FEED = 'set local enable_seqscan = off; set local enable_sort = off; set local enable_hashjoin = off';

/** What is there to be counted, and how much of it was taken in. */
@Injectable()
export class CountingRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Whoever has a subject. */
  customers(workspaceId: string): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<{ customers: number }>(CUSTOMERS)).rows[0]?.customers ?? 0);
  }

  /** Null where serving has no such model. */
  behindModel(workspaceId: string, modelId: string): Promise<Behind | null> {
    return this.database.onConnection(workspaceId, async (client) => behind(client, (await client.query<Position>(OF_MODEL, [modelId])).rows));
  }

  rules(workspaceId: string): Promise<RulesReach> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Position & { newestEventAt: Micros | null }>(OF_RULES);
      const times = rows.flatMap(({ newestEventAt }) => newestEventAt ?? []);
      return { behind: await behind(client, rows), newestEventAt: times.length === 0 ? null : Math.max(...times) };
    });
  }
}

/** Of all partitions, in their order; null where there are none. */
async function behind(client: PoolClient, places: readonly Position[]): Promise<Behind | null> {
  if (places.length === 0) return null;
  const least = leastOf(places);
  const [, { rows }] = await Promise.all([
    client.query(ALONG_THE_FEED),
    client.query<Behind>(BEHIND, [least.horizon, least.sequence, places.map(({ horizon }) => horizon), places.map(({ sequence }) => sequence)]),
  ]);
  return rows[0] ?? null;
}
