import type { PoolClient } from 'pg';

import { NIL } from '../page/uuid.js';
import { isoOf } from '../time/micros.js';
import { UNSEEN } from './assignment.rule.js';
import type { ScoredBatch } from './batch.repository.js';
import { CHANGE_PLACE } from './write.lock.js';

interface Move {
  customer_id: string;
  /** False for whoever has no place yet, not even "unlike anything seen". */
  had_place: boolean;
  was: string | null;
  becomes: string | null;
  strength: number;
  decided_at: string;
}

export type Write = (client: PoolClient) => Promise<unknown>;

/**
 * The statements that bring memberships to where the batch says: those that touch only its own customers, then
 * those that need the lock of changes; and whether anybody moves.
 */
export function membershipWrites(
  { served, states, gone, former, segments }: ScoredBatch,
  places: ReadonlyMap<string, string | null>,
): { own: Write[]; told: Write[]; hasChanges: boolean } {
  const segmentOf = (index: number) => (index === UNSEEN ? null : (segments.get(index) ?? null));
  const moves: Move[] = states.map((held) => {
    const before = former.get(held.customerId);
    return {
      customer_id: held.customerId,
      had_place: before !== undefined || places.has(held.customerId),
      was: before ? segmentOf(before.segmentIndex) : (places.get(held.customerId) ?? null),
      becomes: segmentOf(held.segmentIndex),
      strength: held.strength,
      decided_at: isoOf(held.readAt),
    };
  });
  const leaves = gone.flatMap((customer_id) => {
    const before = former.get(customer_id);
    if (!before && !places.has(customer_id)) return [];
    return [{ customer_id, was: before ? segmentOf(before.segmentIndex) : (places.get(customer_id) ?? null) }];
  });
  const { stays = [], goes = [] } = Object.groupBy(moves, ({ had_place, was, becomes }) => (had_place && was === becomes ? 'stays' : 'goes'));
  const own: Write[] = [];
  const told: Write[] = [];
  if (stays.length > 0) own.push(statement('stay', STAY, [JSON.stringify(stays), served.modelId]));
  if (goes.length > 0) {
    const values = [JSON.stringify(goes), served.modelId];
    own.push(statement('move', MOVE, values));
    told.push(statement('tell', TELL, values), statement('sizes', SIZES, [JSON.stringify(sizeChanges(goes, goes))]));
  }
  if (gone.length > 0) own.push(statement('forget', FORGET, [served.modelId, gone]));
  if (leaves.length > 0) {
    const now = served.newestEventAt === null ? new Date().toISOString() : isoOf(served.newestEventAt);
    const rows = JSON.stringify(leaves.map((leave) => ({ ...leave, becomes: null, strength: 0, decided_at: now })));
    const sizes = JSON.stringify(sizeChanges(leaves.map(({ was }) => ({ had_place: true, was })), []));
    // Their history stays.
    own.push(statement('leave', LEAVE, [rows]));
    told.push(statement('tell', TELL, [rows, served.modelId]), statement('sizes', SIZES, [sizes]));
  }
  return { own, told, hasChanges: goes.some(({ was, becomes }) => was !== becomes) || leaves.some(({ was }) => was !== null) };
}

/** Parsed and planned once per connection. */
function statement(name: string, text: string, values: readonly unknown[]): Write {
  return (client) => client.query({ name: `membership-${name}`, text, values: [...values] });
}

/** Present places of customers whom this model has not read before: another one may have placed them. */
export async function placesOf(client: PoolClient, newcomers: readonly string[]): Promise<Map<string, string | null>> {
  if (newcomers.length === 0) return new Map();
  const { rows } = await client.query<{ customerId: string; segmentId: string | null }>(
    `select customer_id as "customerId", segment_id as "segmentId" from serving.memberships
     where customer_id = any($1::uuid[]) and level = 0 and until is null`,
    [newcomers],
  );
  return new Map(rows.map(({ customerId, segmentId }) => [customerId, segmentId]));
}

const MOVES = `json_to_recordset($1::json) as r(customer_id uuid, was uuid, becomes uuid, strength float8, decided_at timestamptz)`;
const SIZES = `insert into serving.segment_sizes as held (workspace_id, segment_id, members)
  select kindred.workspace(), r.segment_id, greatest(r.change, 0) from json_to_recordset($1::json) as r(segment_id uuid, change bigint)
  on conflict (workspace_id, segment_id) do update
    set members = held.members + (select c.change from json_to_recordset($1::json) as c(segment_id uuid, change bigint) where c.segment_id = held.segment_id)`;

const STAY = `update serving.memberships m set strength = r.strength, decided_at = r.decided_at, model_id = $2
  from json_to_recordset($1::json) as r(customer_id uuid, strength float8, decided_at timestamptz)
  where m.customer_id = r.customer_id and m.level = 0 and m.until is null`;

/* Ends the places that are left and begins the new ones at the same moment, so that history has no gap. */
const MOVE = `with ended as (
    update serving.memberships m set until = greatest(r.decided_at, m.since) from ${MOVES}
    where m.customer_id = r.customer_id and m.level = 0 and m.until is null
    returning m.customer_id, m.until
  )
  insert into serving.memberships (workspace_id, customer_id, level, segment_id, since, strength, decided_at, model_id)
  select kindred.workspace(), r.customer_id, 0, r.becomes, coalesce(e.until, r.decided_at), r.strength, r.decided_at, $2
  from ${MOVES} left join ended e on e.customer_id = r.customer_id`;

const LEAVE = `update serving.memberships m set until = greatest(r.decided_at, m.since) from ${MOVES}
  where m.customer_id = r.customer_id and m.level = 0 and m.until is null`;
const FORGET = `delete from serving.customer_states where model_id = $1 and customer_id = any($2::uuid[])`;

const TELL = `insert into serving.membership_changes
    (workspace_id, xid, customer_id, from_segment_id, to_segment_id, strength, decided_at, model_id, by_promotion)
  select kindred.workspace(), ${CHANGE_PLACE}, r.customer_id, r.was, r.becomes, r.strength, r.decided_at, $2, false
  from ${MOVES} where r.was is distinct from r.becomes`;

function sizeChanges(
  left: readonly Pick<Move, 'had_place' | 'was'>[],
  entered: readonly Pick<Move, 'becomes'>[],
): { segment_id: string; change: number }[] {
  const changes = new Map<string, number>();
  const count = (segment: string | null, change: number) => changes.set(segment ?? NIL, (changes.get(segment ?? NIL) ?? 0) + change);
  for (const { had_place, was } of left) if (had_place) count(was, -1);
  for (const { becomes } of entered) count(becomes, 1);
  return [...changes].filter(([, change]) => change !== 0).map(([segment_id, change]) => ({ segment_id, change }));
}
