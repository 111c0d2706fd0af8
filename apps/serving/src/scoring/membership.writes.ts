import type { PoolClient } from 'pg';

import { NIL } from '../page/uuid.js';
import { isoOf } from '../time/micros.js';
import { UNSEEN } from './assignment.rule.js';
import type { ScoredBatch } from './scored.batch.js';
import type { HeldState } from './state.repository.js';
import { CHANGE_PLACE } from './write.lock.js';

/** Where a customer is: the segment, null where unlike anything seen, and the part of it, null where it is not split. */
interface SegmentPlace {
  readonly segmentId: string | null;
  readonly finerSegmentId: string | null;
}

interface Move {
  customer_id: string;
  /** False for whoever has no place yet, not even "unlike anything seen". */
  had_place: boolean;
  was: string | null;
  becomes: string | null;
  /** The same within `was` and `becomes`, where those are split. */
  was_finer: string | null;
  finer: string | null;
  strength: number;
  decided_at: string;
}

export type Write = (client: PoolClient) => Promise<unknown>;

/**
 * The statements that bring memberships to where the batch says: those that touch only its own customers, then
 * those that need the lock of changes; and whether anybody moves.
 */
export function membershipWrites(
  { now, served, states, gone, former, segments }: ScoredBatch,
  places: ReadonlyMap<string, SegmentPlace>,
): { own: Write[]; told: Write[]; hasChanges: boolean } {
  const placeOf = ({ segmentIndex, finerIndex }: Pick<HeldState, 'segmentIndex' | 'finerIndex'>): SegmentPlace => ({
    segmentId: segmentIndex === UNSEEN ? null : (segments.get(segmentIndex) ?? null),
    finerSegmentId: finerIndex === null ? null : (segments.get(finerIndex) ?? null),
  });
  const decidedAt = isoOf(now);
  const moves: Move[] = states.map((held) => {
    const before = former.get(held.customerId);
    const [was, is] = [before ? placeOf(before) : places.get(held.customerId), placeOf(held)];
    return {
      customer_id: held.customerId,
      had_place: was !== undefined,
      was: was?.segmentId ?? null,
      becomes: is.segmentId,
      was_finer: was?.finerSegmentId ?? null,
      finer: is.finerSegmentId,
      strength: held.strength,
      decided_at: decidedAt,
    };
  });
  const leaves = gone.flatMap((customer_id) => {
    const before = former.get(customer_id);
    const was = before ? placeOf(before) : places.get(customer_id);
    return was ? [{ customer_id, was: was.segmentId, was_finer: was.finerSegmentId }] : [];
  });
  const { stays = [], goes = [] } = Object.groupBy(moves, ({ had_place, was, becomes }) => (had_place && was === becomes ? 'stays' : 'goes'));
  const own: Write[] = [];
  const told: Write[] = [];
  if (stays.length > 0) own.push(statement('stay', STAY, [JSON.stringify(stays), served.modelId]));
  if (goes.length > 0) {
    const values = [JSON.stringify(goes), served.modelId];
    own.push(statement('move', MOVE, values));
    told.push(statement('tell', TELL, values));
  }
  if (gone.length > 0) own.push(statement('forget', FORGET, [served.modelId, gone]));
  if (leaves.length > 0) {
    const rows = JSON.stringify(leaves.map((leave) => ({ ...leave, becomes: null, strength: 0, decided_at: decidedAt })));
    // Their history stays.
    own.push(statement('leave', LEAVE, [rows]));
    told.push(statement('tell', TELL, [rows, served.modelId]));
  }
  const sizes = sizeChanges([...moves, ...leaves.map((leave) => ({ ...leave, had_place: true }))], moves);
  if (sizes.length > 0) told.push(statement('sizes', SIZES, [JSON.stringify(sizes)]));
  return { own, told, hasChanges: goes.some(({ was, becomes }) => was !== becomes) || leaves.some(({ was }) => was !== null) };
}

/** Parsed and planned once per connection. */
function statement(name: string, text: string, values: readonly unknown[]): Write {
  return (client) => client.query({ name: `membership-${name}`, text, values: [...values] });
}

/** Present places of customers whom this model has not read before: another one may have placed them. */
export async function placesOf(client: PoolClient, newcomers: readonly string[]): Promise<Map<string, SegmentPlace>> {
  if (newcomers.length === 0) return new Map();
  const { rows } = await client.query<SegmentPlace & { customerId: string }>(
    `select customer_id as "customerId", segment_id as "segmentId", finer_segment_id as "finerSegmentId" from serving.memberships
     where customer_id = any($1::uuid[]) and level = 0 and until is null`,
    [newcomers],
  );
  return new Map(rows.map(({ customerId, ...place }) => [customerId, place]));
}

const MOVES = `json_to_recordset($1::json) as r(customer_id uuid, was uuid, becomes uuid, finer uuid, strength float8, decided_at timestamptz)`;
const SIZES = `insert into serving.segment_sizes as held (workspace_id, segment_id, members)
  select kindred.workspace(), r.segment_id, greatest(r.change, 0) from json_to_recordset($1::json) as r(segment_id uuid, change bigint)
  on conflict (workspace_id, segment_id) do update
    set members = held.members + (select c.change from json_to_recordset($1::json) as c(segment_id uuid, change bigint) where c.segment_id = held.segment_id)`;

const STAY = `update serving.memberships m set strength = r.strength, finer_segment_id = r.finer, decided_at = r.decided_at, model_id = $2
  from json_to_recordset($1::json) as r(customer_id uuid, finer uuid, strength float8, decided_at timestamptz)
  where m.customer_id = r.customer_id and m.level = 0 and m.until is null`;

/* Ends the places that are left and begins the new ones at the same moment, so that history has no gap. */
const MOVE = `with ended as (
    update serving.memberships m set until = greatest(r.decided_at, m.since) from ${MOVES}
    where m.customer_id = r.customer_id and m.level = 0 and m.until is null
    returning m.customer_id, m.until
  )
  insert into serving.memberships (workspace_id, customer_id, level, segment_id, finer_segment_id, since, strength, decided_at, model_id)
  select kindred.workspace(), r.customer_id, 0, r.becomes, r.finer, coalesce(e.until, r.decided_at), r.strength, r.decided_at, $2
  from ${MOVES} left join ended e on e.customer_id = r.customer_id`;

const LEAVE = `update serving.memberships m set until = greatest(r.decided_at, m.since) from ${MOVES}
  where m.customer_id = r.customer_id and m.level = 0 and m.until is null`;
const FORGET = `delete from serving.customer_states where model_id = $1 and customer_id = any($2::uuid[])`;

const TELL = `insert into serving.membership_changes
    (workspace_id, xid, customer_id, from_segment_id, to_segment_id, strength, decided_at, model_id, by_promotion)
  select kindred.workspace(), ${CHANGE_PLACE}, r.customer_id, r.was, r.becomes, r.strength, r.decided_at, $2, false
  from ${MOVES} where r.was is distinct from r.becomes`;

function sizeChanges(
  left: readonly Pick<Move, 'had_place' | 'was' | 'was_finer'>[],
  entered: readonly Pick<Move, 'becomes' | 'finer'>[],
): { segment_id: string; change: number }[] {
  const changes = new Map<string, number>();
  const count = (segment: string | null, change: number) => changes.set(segment ?? NIL, (changes.get(segment ?? NIL) ?? 0) + change);
  for (const { had_place, was, was_finer } of left) {
    if (had_place) count(was, -1);
    if (was_finer !== null) count(was_finer, -1);
  }
  for (const { becomes, finer } of entered) {
    count(becomes, 1);
    if (finer !== null) count(finer, 1);
  }
  return [...changes].filter(([, change]) => change !== 0).map(([segment_id, change]) => ({ segment_id, change }));
}
