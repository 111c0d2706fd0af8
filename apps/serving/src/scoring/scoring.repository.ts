import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database, Position } from '#libs/database';

import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';
import { UNSEEN } from './assignment.rule.js';
import { type FeedEvent, FeedRepository, type Horizon } from './feed.repository.js';
import type { ScoredModel } from './score.stream.js';
import { type HeldState, readQuietStates, readStates, writeStates } from './state.repository.js';
import { lockMemberships } from './write.lock.js';

/** The served model and how far its states stand in the feed. */
export interface ServedModel extends ScoredModel {
  readonly position: Position;
  readonly newestEventAt: Micros | null;
  /** How far the states have followed events that changed hands, and whether more did since. */
  readonly mapping: Position;
  readonly hasMoves: boolean;
  /** Times that somebody was forgotten out of its states: what was read before the last of them is void. */
  readonly erasures: number;
}

export interface Glance {
  readonly served: ServedModel | undefined;
  readonly events: readonly FeedEvent[];
  readonly horizon: Horizon;
}

/** What one group commit writes. */
export interface ScoredBatch {
  /** Under which the batch was scored: another one by now makes it void. */
  readonly served: ServedModel;
  readonly position: Position;
  readonly newestEventAt: Micros | null;
  readonly mapping: Position;
  readonly states: readonly HeldState[];
  /** Customers without a single event now. */
  readonly gone: readonly string[];
  /** As they were before, by customer. */
  readonly former: ReadonlyMap<string, HeldState>;
  /** Lasting segment of each place in the model's bundle. */
  readonly segments: ReadonlyMap<number, string>;
}

/** Somebody else moved on (an activation, another reader): the batch was not written. */
export class StaleBatch extends Error {}

const SERVED = `select m.model_id as "modelId", m.uri, m.hash, a.fence::float8 as fence, m.position_horizon::float8 as horizon,
    m.position_sequence::float8 as sequence, ${microsSql('m.newest_event_at')} as "newestEventAt",
    m.erasures, m.mapping_horizon::float8 as "mappingHorizon", m.mapping_sequence::float8 as "mappingSequence",
    exists (select from ingestion.mapping_feed_v1 f where (f.horizon, f.sequence) > (m.mapping_horizon, m.mapping_sequence)) as "hasMoves"
  from serving.active_model a join serving.shadow_models m using (workspace_id, model_id)`;

@Injectable()
export class ScoringRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly feed: FeedRepository,
  ) {}

  /**
   * The served model and the next events after its position. `expected` is where it stood last: if it still
   * does, one round trip tells all.
   */
  glance(workspaceId: string, expected: Position | undefined, limit: number): Promise<Glance> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [horizon, served, ahead] = await Promise.all([
        this.feed.horizon(client),
        this.served(client),
        expected ? this.feed.after(client, expected, limit) : undefined,
      ]);
      if (!served) return { served, horizon, events: [] };
      const isThere = expected?.horizon === served.position.horizon && expected.sequence === served.position.sequence;
      return { served, horizon, events: ahead && isThere ? ahead : await this.feed.after(client, served.position, limit) };
    });
  }

  servedModel(workspaceId: string): Promise<ServedModel | undefined> {
    return this.database.onConnection(workspaceId, (client) => this.served(client));
  }

  async served(client: PoolClient): Promise<ServedModel | undefined> {
    const { rows } = await client.query<Omit<ServedModel, 'position' | 'mapping'> & Position & { mappingHorizon: number; mappingSequence: number }>(SERVED);
    const row = rows[0];
    if (!row) return undefined;
    const { horizon, sequence, mappingHorizon, mappingSequence, ...rest } = row;
    return { ...rest, position: { horizon, sequence }, mapping: { horizon: mappingHorizon, sequence: mappingSequence } };
  }

  segmentsOf(workspaceId: string, modelId: string): Promise<ReadonlyMap<number, string>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ index: number; id: string }>(
        `select segment_index as index, segment_id as id from serving.segment_versions where model_id = $1`,
        [modelId],
      );
      return new Map(rows.map(({ index, id }) => [index, id]));
    });
  }

  states(workspaceId: string, modelId: string, customerIds: readonly string[]): Promise<HeldState[]> {
    return this.database.onConnection(workspaceId, (client) => readStates(client, modelId, customerIds));
  }

  quiet(workspaceId: string, modelId: string, now: Micros, age: Micros, limit: number): Promise<HeldState[]> {
    return this.database.onConnection(workspaceId, (client) => readQuietStates(client, modelId, now, age, limit));
  }

  /**
   * Writes states, memberships, what changed and the position in one transaction, or nothing; the statements
   * go out together, the lock first. Answers whether a membership changed. Throws StaleBatch.
   */
  commit(workspaceId: string, batch: ScoredBatch): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const newcomers = [...batch.states.map(({ customerId }) => customerId), ...batch.gone].filter((id) => !batch.former.has(id));
      // Three waves, each sent whole before the next begins: what fails in one leaves no statement behind it.
      const [, , places] = await Promise.all([lockMemberships(client, workspaceId), this.advance(client, batch), placesOf(client, newcomers)]);
      const { writes, hasChanges } = membershipWrites(batch, places);
      await Promise.all([writeStates(client, batch.served.modelId, batch.states), ...writes.map((write) => write(client))]);
      return hasChanges;
    });
  }

  private async advance(client: PoolClient, { served, position, newestEventAt, mapping }: ScoredBatch): Promise<void> {
    const { rowCount } = await client.query(
      `update serving.shadow_models m set position_horizon = $1, position_sequence = $2, newest_event_at = $3, mapping_horizon = $8, mapping_sequence = $9
       from serving.active_model a
       where a.model_id = m.model_id and m.model_id = $4 and a.fence = $5 and m.position_horizon = $6 and m.position_sequence = $7
         and m.mapping_horizon = $10 and m.mapping_sequence = $11 and m.erasures = $12`,
      [
        position.horizon,
        position.sequence,
        newestEventAt === null ? null : isoOf(newestEventAt),
        served.modelId,
        served.fence,
        served.position.horizon,
        served.position.sequence,
        mapping.horizon,
        mapping.sequence,
        served.mapping.horizon,
        served.mapping.sequence,
        served.erasures,
      ],
    );
    if (rowCount !== 1) throw new StaleBatch('another model is served by now, another reader went on, or somebody was forgotten');
  }
}

/** Where a customer is: the segment, null where unlike anything seen, and the part of it, null where it is not split. */
interface Place {
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

type Write = (client: PoolClient) => Promise<unknown>;

/** The statements that bring memberships to where the batch says, and whether anybody moves. */
function membershipWrites(
  { served, states, gone, former, segments }: ScoredBatch,
  places: ReadonlyMap<string, Place>,
): { writes: Write[]; hasChanges: boolean } {
  const placeOf = ({ segmentIndex, finerIndex }: Pick<HeldState, 'segmentIndex' | 'finerIndex'>): Place => ({
    segmentId: segmentIndex === UNSEEN ? null : (segments.get(segmentIndex) ?? null),
    finerSegmentId: finerIndex === null ? null : (segments.get(finerIndex) ?? null),
  });
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
      decided_at: isoOf(held.readAt),
    };
  });
  const leaves = gone.flatMap((customer_id) => {
    const before = former.get(customer_id);
    const was = before ? placeOf(before) : places.get(customer_id);
    return was ? [{ customer_id, was: was.segmentId, was_finer: was.finerSegmentId }] : [];
  });
  const { stays = [], goes = [] } = Object.groupBy(moves, ({ had_place, was, becomes }) => (had_place && was === becomes ? 'stays' : 'goes'));
  const writes: Write[] = [];
  if (stays.length > 0) writes.push((client) => client.query(STAY, [JSON.stringify(stays), served.modelId]));
  if (goes.length > 0) {
    const values = [JSON.stringify(goes), served.modelId];
    writes.push(
      (client) => client.query(MOVE, values),
      (client) => client.query(TELL, values),
    );
  }
  const sizes = sizeChanges(moves, moves);
  if (sizes.length > 0) writes.push((client) => client.query(SIZES, [JSON.stringify(sizes)]));
  if (gone.length > 0) writes.push((client) => client.query(FORGET, [served.modelId, gone]));
  if (leaves.length > 0) writes.push(...leaving(leaves, served));
  return { writes, hasChanges: goes.some(({ was, becomes }) => was !== becomes) || leaves.some(({ was }) => was !== null) };
}

/** The statements by which customers without events stop being members of anything; their history stays. */
function leaving(leaves: readonly Pick<Move, 'customer_id' | 'was' | 'was_finer'>[], served: ServedModel): Write[] {
  const now = served.newestEventAt === null ? new Date().toISOString() : isoOf(served.newestEventAt);
  const rows = JSON.stringify(leaves.map((leave) => ({ ...leave, becomes: null, strength: 0, decided_at: now })));
  const sizes = JSON.stringify(sizeChanges(leaves.map((leave) => ({ ...leave, had_place: true })), []));
  return [
    (client) => client.query(LEAVE, [rows]),
    (client) => client.query(TELL, [rows, served.modelId]),
    (client) => client.query(SIZES, [sizes]),
  ];
}

/** Present places of customers whom this model has not read before: another one may have placed them. */
async function placesOf(client: PoolClient, newcomers: readonly string[]): Promise<Map<string, Place>> {
  if (newcomers.length === 0) return new Map();
  const { rows } = await client.query<Place & { customerId: string }>(
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
    (workspace_id, customer_id, from_segment_id, to_segment_id, strength, decided_at, model_id, by_promotion)
  select kindred.workspace(), r.customer_id, r.was, r.becomes, r.strength, r.decided_at, $2, false
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
