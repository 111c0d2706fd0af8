import type { PoolClient } from 'pg';

import { isoOf, type Micros, microsSql } from '../time/micros.js';

/** Rows of each feed in one step: a step is one transaction, and shares the lock that an erasure or a promotion waits for. */
const BATCH = 500;

type Place = readonly [number, number];

/** How far three feeds were followed. */
interface Places {
  readonly event: Place;
  readonly mapping: Place;
  readonly change: Place;
}

/** How far the rules have followed them for one partition of customers. */
interface Position extends Places {
  readonly partition: number;
  readonly newestEventAt: Micros | null;
}

/** What the feeds hold behind where some partitions stand, and where these stand then. */
export interface FeedsRead {
  /** Who had an event or changed hands. */
  readonly customerIds: readonly string[];
  /** Who came into a segment or left one. */
  readonly movedIds: readonly string[];
  /** Those of them whom nothing but a change of model moved. */
  readonly promotedIds: readonly string[];
  readonly newestEventAt: Micros | null;
  readonly ends: readonly (Places & { readonly partitions: readonly number[] })[];
  /** There is more. */
  readonly isFull: boolean;
}

// The newest event of all of them, so that a workspace whose clock is its data's has one time.
const HELD = `select partition, array[event_horizon, event_sequence]::float8[] as event, array[mapping_horizon, mapping_sequence]::float8[] as mapping,
    array[change_xid, change_sequence]::float8[] as change,
    (select ${microsSql('max(p.newest_event_at)')} from serving.definition_positions p) as "newestEventAt"
  from serving.definition_positions where partition = any($1::int[]) order by partition for update skip locked`;
const HEADS = `select array[coalesce(e.horizon, 0), coalesce(e.sequence, 0)]::float8[] as event, array[coalesce(m.horizon, 0), coalesce(m.sequence, 0)]::float8[] as mapping,
    array[coalesce(c.xid, 0), coalesce(c.sequence, 0)]::float8[] as change
  from (select) as one
  left join lateral (select f.horizon, f.sequence from ingestion.customer_feed_v1 f order by f.horizon desc, f.sequence desc limit 1) e on true
  left join lateral (select f.horizon, f.sequence from ingestion.mapping_feed_v1 f order by f.horizon desc, f.sequence desc limit 1) m on true
  left join lateral (select h.xid, h.sequence from serving.membership_changes h order by h.xid desc, h.sequence desc limit 1) c on true`;

const between = (horizon: string) => `(f.${horizon}, f.sequence) > ($1::bigint, $2::bigint) and (f.${horizon}, f.sequence) <= ($3::bigint, $4::bigint)`;
const theirs = (customer: string) => `serving.partition_of(${customer}) = any($5::int[])`;
const EVENTS = `select f.horizon::float8 as a, f.sequence::float8 as b, array[f.customer_id] as ids, case when f.type <> 'identify' then ${microsSql('f.occurred_at')} end as at
  from ingestion.customer_feed_v1 f where ${between('horizon')} and ${theirs('f.customer_id')} order by f.horizon, f.sequence limit ${BATCH}`;
const MAPPINGS = `select f.horizon::float8 as a, f.sequence::float8 as b, array[f.from_customer_id, f.into_customer_id] as ids, null as at
  from ingestion.mapping_feed_v1 f where ${between('horizon')} and (${theirs('f.from_customer_id')} or ${theirs('f.into_customer_id')})
  order by f.horizon, f.sequence limit ${BATCH}`;
const CHANGES = `select f.xid::float8 as a, f.sequence::float8 as b, array[f.customer_id] as ids, null as at, f.by_promotion as "byPromotion"
  from serving.membership_changes f where ${between('xid')} and ${theirs('f.customer_id')} order by f.xid, f.sequence limit ${BATCH}`;
const ADVANCE = `update serving.definition_positions set event_horizon = $2, event_sequence = $3, mapping_horizon = $4, mapping_sequence = $5,
    change_xid = $6, change_sequence = $7, newest_event_at = $8 where partition = any($1::int[])`;

/** Where these partitions stand, held until the transaction ends; those that another one holds are left out. */
export async function holdPositions(client: PoolClient, partitions: readonly number[]): Promise<Position[]> {
  return (await client.query<Position>(HELD, [partitions])).rows;
}

/**
 * Reads the feeds behind where partitions stand: one read for all that stand at the same place. Whatever is read to
 * its end stands at the newest row of the feed afterwards, so that those who came from another replica soon go in step.
 */
export async function readFeeds(client: PoolClient, positions: readonly Position[]): Promise<FeedsRead> {
  // First the ends: nothing is committed later that comes before them.
  const { rows: [heads] } = await client.query<Places>(HEADS);
  if (!heads) throw new Error('the ends of the feeds were not read');
  const groups = [...Map.groupBy(positions, ({ event, mapping, change }) => [event, mapping, change].join()).values()];
  const read: FeedsRead[] = [];
  for (const group of groups) read.push(await readGroup(client, group, heads));
  return {
    customerIds: [...new Set(read.flatMap(({ customerIds }) => customerIds))],
    movedIds: [...new Set(read.flatMap(({ movedIds }) => movedIds))],
    promotedIds: read.flatMap(({ promotedIds }) => promotedIds),
    newestEventAt: read.reduce((latest: Micros | null, { newestEventAt }) => (newestEventAt === null ? latest : Math.max(latest ?? newestEventAt, newestEventAt)), null),
    ends: read.flatMap(({ ends }) => ends),
    isFull: read.some(({ isFull }) => isFull),
  };
}

export async function advance(client: PoolClient, { ends, newestEventAt }: FeedsRead): Promise<void> {
  for (const { partitions, event, mapping, change } of ends) {
    await client.query(ADVANCE, [partitions, ...event, ...mapping, ...change, newestEventAt === null ? null : isoOf(newestEventAt)]);
  }
}

async function readGroup(client: PoolClient, group: readonly Position[], heads: Places): Promise<FeedsRead> {
  const partitions = group.map(({ partition }) => partition);
  const [from] = group;
  if (!from) throw new Error('a group of no partition');
  const read = async (text: string, after: Place, head: Place) => {
    const { rows } = await client.query<{ a: number; b: number; ids: string[]; at: Micros | null; byPromotion?: boolean }>(text, [...after, ...head, partitions]);
    const last = rows.length === BATCH ? rows.at(-1) : undefined;
    // What leaves a feed by age may leave it with an older end than where its readers stand.
    return { rows, end: last ? ([last.a, last.b] as const) : laterOf(after, head), isFull: last !== undefined };
  };
  const events = await read(EVENTS, from.event, heads.event);
  const mappings = await read(MAPPINGS, from.mapping, heads.mapping);
  const changes = await read(CHANGES, from.change, heads.change);
  const ownIds = new Set(changes.rows.flatMap(({ ids, byPromotion }) => (byPromotion ? [] : ids)));
  const movedIds = changes.rows.flatMap(({ ids }) => ids);
  const newest = events.rows.reduce((latest, { at }) => Math.max(latest, at ?? latest), from.newestEventAt ?? Number.NEGATIVE_INFINITY);
  return {
    customerIds: [events, mappings].flatMap(({ rows }) => rows.flatMap(({ ids }) => ids)),
    movedIds,
    promotedIds: movedIds.filter((id) => !ownIds.has(id)),
    newestEventAt: Number.isFinite(newest) ? newest : null,
    ends: [{ partitions, event: events.end, mapping: mappings.end, change: changes.end }],
    isFull: events.isFull || mappings.isFull || changes.isFull,
  };
}

function laterOf(one: Place, other: Place): Place {
  return one[0] > other[0] || (one[0] === other[0] && one[1] > other[1]) ? one : other;
}
