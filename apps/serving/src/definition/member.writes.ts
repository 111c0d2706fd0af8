import type { PoolClient } from 'pg';

import { CHANGE_PLACE, lockChanges } from '../scoring/write.lock.js';

/** Who comes into a segment and who leaves it. */
export interface Crossings {
  readonly enters: readonly string[];
  readonly leaves: readonly string[];
}

const END = `update serving.memberships set until = greatest($3::timestamptz, since) where segment_id = $1 and customer_id = any($2::uuid[]) and until is null`;
const BEGIN = `insert into serving.memberships (workspace_id, customer_id, segment_id, since, strength, decided_at)
  select kindred.workspace(), id, $1, $3, 1, $3 from unnest($2::uuid[]) as id`;
const TELL = `insert into serving.membership_changes
    (workspace_id, xid, customer_id, from_segment_id, to_segment_id, strength, decided_at, by_promotion)
  select kindred.workspace(), ${CHANGE_PLACE}, id, case when entered then null else $1::uuid end, case when entered then $1::uuid end,
    case when entered then 1 else 0 end, $4::timestamptz, false
  from (select id, false as entered from unnest($2::uuid[]) as id union all select id, true from unnest($3::uuid[]) as id) as crossing`;
const COUNT = `insert into serving.segment_sizes as held (workspace_id, segment_id, members) values (kindred.workspace(), $1, greatest($2::bigint, 0))
  on conflict (workspace_id, segment_id) do update set members = held.members + $2`;

/** Members, size and what is told of it, in the transaction of the caller, who shares memberships already. */
export async function writeCrossings(client: PoolClient, workspaceId: string, segmentId: string, { enters, leaves }: Crossings, now: string): Promise<boolean> {
  if (enters.length === 0 && leaves.length === 0) return false;
  if (leaves.length > 0) await client.query(END, [segmentId, leaves, now]);
  if (enters.length > 0) await client.query(BEGIN, [segmentId, enters, now]);
  await lockChanges(client, workspaceId);
  await client.query(TELL, [segmentId, leaves, enters, now]);
  await client.query(COUNT, [segmentId, enters.length - leaves.length]);
  return true;
}
