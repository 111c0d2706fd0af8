import type { PoolClient } from 'pg';

import { CHANGE_PLACE, lockChanges } from '../scoring/write.lock.js';

/** Who comes into a segment and who leaves it. */
export interface Crossings {
  readonly enters: readonly string[];
  readonly leaves: readonly string[];
}

/** That a customer comes into a segment, or leaves it. */
export interface Crossing {
  readonly segmentId: string;
  readonly customerId: string;
  readonly enters: boolean;
  /** A change of model moved them, not what they did or the passing of time. */
  readonly isByPromotion?: boolean;
}

const CROSSINGS = `json_to_recordset($1::json) as r("segmentId" uuid, "customerId" uuid, enters boolean, "isByPromotion" boolean)`;
const END = `update serving.memberships m set until = greatest($2::timestamptz, m.since) from ${CROSSINGS}
  where not r.enters and m.segment_id = r."segmentId" and m.customer_id = r."customerId" and m.until is null`;
const BEGIN = `insert into serving.memberships (workspace_id, customer_id, segment_id, since, strength, decided_at)
  select kindred.workspace(), r."customerId", r."segmentId", $2, 1, $2 from ${CROSSINGS} where r.enters`;
const TELL = `insert into serving.membership_changes
    (workspace_id, xid, customer_id, from_segment_id, to_segment_id, strength, decided_at, by_promotion)
  select kindred.workspace(), ${CHANGE_PLACE}, r."customerId", case when r.enters then null else r."segmentId" end, case when r.enters then r."segmentId" end,
    case when r.enters then 1 else 0 end, $2::timestamptz, coalesce(r."isByPromotion", false)
  from ${CROSSINGS}`;
const CHANGED = `select "segmentId" as segment_id, sum(case when enters then 1 else -1 end)::bigint as change from ${CROSSINGS} group by 1`;
const COUNT = `insert into serving.segment_sizes as held (workspace_id, segment_id, members)
  select kindred.workspace(), c.segment_id, greatest(c.change, 0) from (${CHANGED}) as c
  on conflict (workspace_id, segment_id) do update set members = held.members + (select c.change from (${CHANGED}) as c where c.segment_id = held.segment_id)`;

/** Members, size and what is told of it, in the transaction of the caller, who shares memberships already and writes nothing afterwards that takes long. */
export async function writeCrossings(client: PoolClient, workspaceId: string, segmentId: string, { enters, leaves }: Crossings, now: string): Promise<boolean> {
  const crossings = [...leaves.map((customerId) => ({ segmentId, customerId, enters: false })), ...enters.map((customerId) => ({ segmentId, customerId, enters: true }))];
  await cross(client, crossings, now);
  return tellCrossings(client, workspaceId, crossings, now);
}

/** Members alone: rows of these customers, for which nobody else waits. What is told of it follows, see `tellCrossings`. */
export async function cross(client: PoolClient, crossings: readonly Crossing[], now: string): Promise<void> {
  if (crossings.length === 0) return;
  const values = [JSON.stringify(crossings), now];
  await client.query(END, values);
  await client.query(BEGIN, values);
}

/** What is told of crossings, and sizes, under the lock of changes: last of all, for other commits of the workspace wait from here on. Answers whether there were any. */
export async function tellCrossings(client: PoolClient, workspaceId: string, crossings: readonly Crossing[], now: string): Promise<boolean> {
  if (crossings.length === 0) return false;
  const rows = JSON.stringify(crossings);
  // Sent together, so that the lock is held for as few round trips as can be.
  await Promise.all([lockChanges(client, workspaceId), client.query(TELL, [rows, now]), client.query(COUNT, [rows])]);
  return true;
}
