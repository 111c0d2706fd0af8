import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { type Lease, PARTITIONS } from './partition.js';

export interface HeldLease extends Lease {
  readonly workspaceId: string;
}

const LIVES = `exists (select from serving.replicas r where r.id = l.replica_id and r.lives_until > clock_timestamp())`;

const RENEW = `insert into serving.replicas (id, lives_until) values ($1, clock_timestamp() + make_interval(secs => $2))
  on conflict (id) do update set lives_until = excluded.lives_until`;
const BURY = `delete from serving.replicas where lives_until < clock_timestamp() - interval '1 minute'`;
const SHARE = `select ceil(${PARTITIONS}::float8 / count(*))::int as share from serving.replicas where lives_until > clock_timestamp()`;

/** What is beyond a fair share goes back, the highest partitions first. */
const GIVE_BACK = `update serving.partition_leases l set replica_id = null from (
    select workspace_id, partition, row_number() over (partition by workspace_id order by partition) as place
    from serving.partition_leases where replica_id = $1
  ) as held
  where l.workspace_id = held.workspace_id and l.partition = held.partition and l.replica_id = $1 and held.place > $2`;

/** Takes what nobody living has, up to the share; in one order, so that two who reach for the same ones come one after the other. */
const TAKE = `insert into serving.partition_leases as l (workspace_id, partition, replica_id)
  select workspace_id, partition, $1 from (
    select w.id as workspace_id, p as partition, row_number() over (partition by w.id order by p) as place,
      (select count(*) from serving.partition_leases held where held.workspace_id = w.id and held.replica_id = $1) as has
    from unnest($3::uuid[]) as w(id) cross join generate_series(0, ${PARTITIONS - 1}) as p
    where not exists (select from serving.partition_leases l where l.workspace_id = w.id and l.partition = p and ${LIVES})
  ) as free
  where place + has <= $2 order by workspace_id, partition
  on conflict (workspace_id, partition) do update set replica_id = excluded.replica_id, epoch = l.epoch + 1
    where not ${LIVES}`;

/** Of a commit: locks the leases that it was read under until it has ended, so that nobody takes one meanwhile. */
const GUARD = `select partition from serving.partition_leases
  where workspace_id = kindred.workspace() and replica_id = $1 and (partition, epoch) in (select * from unnest($2::smallint[], $3::bigint[])) for share`;

@Injectable()
export class LeaseRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Renews a replica for some seconds; answers what it still holds, and how many partitions of a workspace are its fair share. */
  renew(replicaId: string, seconds: number): Promise<{ held: HeldLease[]; share: number }> {
    return this.database.onConnection(NIL, async (client) => {
      await client.query(RENEW, [replicaId, seconds]);
      await client.query(BURY);
      const { rows } = await client.query<{ share: number }>(SHARE);
      return { held: await heldBy(client, replicaId), share: rows[0]?.share ?? PARTITIONS };
    });
  }

  /**
   * Brings a replica to its share of each workspace, and answers what it holds then. Rejects after `withinMs`:
   * a lease that a commit guards is waited for, which must not keep a replica from being renewed.
   */
  balance(replicaId: string, share: number, workspaceIds: readonly string[], withinMs: number): Promise<HeldLease[]> {
    return this.database.onConnection(NIL, async (client) => {
      await client.query(`set local lock_timeout = ${Math.ceil(withinMs)}`);
      await client.query(GIVE_BACK, [replicaId, share]);
      await client.query(TAKE, [replicaId, share, workspaceIds]);
      return heldBy(client, replicaId);
    });
  }

  /** Gives everything back at once: a replica that ends leaves nothing to be waited for. */
  async leave(replicaId: string): Promise<void> {
    await this.database.onConnection(NIL, async (client) => {
      await client.query('update serving.partition_leases set replica_id = null where replica_id = $1', [replicaId]);
      await client.query('delete from serving.replicas where id = $1', [replicaId]);
    });
  }
}

async function heldBy(client: PoolClient, replicaId: string): Promise<HeldLease[]> {
  const { rows } = await client.query<HeldLease>(
    `select workspace_id as "workspaceId", partition, epoch::float8 as epoch from serving.partition_leases where replica_id = $1 order by 1, 2`,
    [replicaId],
  );
  return rows;
}

/** True if all of these are still this replica's; they stay so until the transaction ends. */
export async function guardLeases(client: PoolClient, replicaId: string, leases: readonly Lease[]): Promise<boolean> {
  const { rowCount } = await client.query({ name: 'guard-leases', text: GUARD, values: [replicaId, leases.map(({ partition }) => partition), leases.map(({ epoch }) => epoch)] });
  return rowCount === leases.length;
}
