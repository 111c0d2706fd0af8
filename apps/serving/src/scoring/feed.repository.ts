import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { type Database, type Position, ZERO_POSITION } from '#libs/database';
import { EventHistory, FEED, HISTORY, LAST_SEQUENCE } from '#libs/history';

import { PARTITIONS } from '../lease/partition.js';
import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';

/** An event of ingestion.event_feed_v1, as scoring needs it. */
export interface FeedEvent {
  readonly horizon: number;
  readonly sequence: number;
  readonly customerId: string;
  readonly type: string;
  readonly name: string | null;
  readonly occurredAt: Micros;
  readonly receivedAt: Micros;
  /** JSON object. */
  readonly properties: string | null;
}

/** Events after a position, of the customers of some partitions. */
export interface FeedSpan {
  readonly after: Position;
  /** The last position that belongs to it; undefined: as far as there is any. */
  readonly upTo: Position | undefined;
  readonly partitions: readonly number[];
}

/** Customers whose subjects went to another one, or came from one. */
export interface Moves {
  readonly customerIds: readonly string[];
  /** Where the feed of mappings was read up to. */
  readonly end: Position;
}

/** Transactions between these may have committed rows that the feed does not show yet. */
export interface Horizon {
  readonly xmin: number;
  readonly xmax: number;
}

/** All that is here. */
export const WHOLE_FEED: Position = { horizon: Number.MAX_SAFE_INTEGER, sequence: Number.MAX_SAFE_INTEGER };

const COLUMNS = `horizon::float8 as horizon, sequence::float8 as sequence, customer_id as "customerId", type, name,
  ${microsSql('occurred_at')} as "occurredAt", ${microsSql('received_at')} as "receivedAt", properties::text as properties`;
/*
 * Ordered by the columns themselves: by their names alone it would be by what is selected under these names,
 * which no index gives, and every look would sort the whole backlog.
 */
const WITHIN = `select ${COLUMNS} from ingestion.event_feed_v1 f
  where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) and (f.horizon, f.sequence) <= ($3::bigint, $4::bigint)
    and ($5::int[] is null or serving.partition_of(f.customer_id) = any($5))
  order by f.horizon, f.sequence limit $6`;
const ALONG_THE_INDEX = `set local enable_seqscan = off; set local enable_sort = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
  set local plan_cache_mode = force_generic_plan`;
const HEAD = `select f.horizon::float8 as horizon, f.sequence::float8 as sequence from ingestion.event_feed_v1 f order by f.horizon desc, f.sequence desc limit 1`;
const LIFE = (source: string) => `select ${COLUMNS} from ${source} f
  where customer_id = any($1::uuid[]) and (horizon, sequence) <= ($2::bigint, $3::bigint) and ($4::timestamptz is null or occurred_at <= $4) order by f.occurred_at, f.sequence`;
/** Beyond this a backlog is told as "at least". */
const MOST_COUNTED = 10_000;

/**
 * Has the statements that follow in the same transaction read the feed along its index and in its order, whatever the planner believes the
 * partitions to hold: nothing else is left to it, for tables grow faster than they are measured. So named ones are planned once a connection,
 * which costs as much as the reading.
 */
export async function alongTheIndex(client: PoolClient): Promise<void> {
  await client.query(ALONG_THE_INDEX);
}

/** The place of the newest event; what is shown later lies after it. */
export async function headOfFeed(client: PoolClient): Promise<Position> {
  const [, { rows }] = await Promise.all([alongTheIndex(client), client.query<Position>({ name: 'feed-head', text: HEAD })]);
  return rows[0] ?? ZERO_POSITION;
}

/** Events as ingestion publishes them, in an order that nothing committed later can slip before. */
@Injectable()
export class FeedRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly history: EventHistory,
  ) {}

  /** Taken before the feed is read in the same transaction: what is missing then lies between the two. */
  async horizon(client: PoolClient): Promise<Horizon> {
    const { rows } = await client.query<Horizon>({
      name: 'horizon',
      text: `select pg_snapshot_xmin(s)::text::float8 as xmin, pg_snapshot_xmax(s)::text::float8 as xmax from pg_current_snapshot() as s`,
    });
    return rows[0] ?? { xmin: 0, xmax: 0 };
  }

  /** Statements that follow in the same transaction are planned as this one is. */
  async within(client: PoolClient, { after, upTo = WHOLE_FEED, partitions }: FeedSpan, limit: number): Promise<FeedEvent[]> {
    const [, { rows }] = await Promise.all([
      alongTheIndex(client),
      client.query<FeedEvent>({
        name: 'feed-within',
        text: WITHIN,
        values: [after.horizon, after.sequence, upTo.horizon, upTo.sequence, partitions.length === PARTITIONS ? null : partitions, limit],
      }),
    ]);
    return rows;
  }

  head(workspaceId: string): Promise<Position> {
    return this.database.onConnection(workspaceId, headOfFeed);
  }

  /** The first events of a span, in the order of the feed. */
  after(workspaceId: string, span: FeedSpan, limit: number): Promise<FeedEvent[]> {
    return this.database.onConnection(workspaceId, (client) => this.within(client, span, limit));
  }

  /** All events of some customers up to a position, and to a time where one is given, archived ones too, in the order in which they happened. */
  async ofCustomers(workspaceId: string, customerIds: readonly string[], upTo: Position, until?: Micros): Promise<FeedEvent[]> {
    const at = until === undefined ? undefined : isoOf(until);
    const scope = { customerIds, isBehaviour: true, ...(at === undefined ? {} : { before: { at, sequence: LAST_SEQUENCE } }) };
    return this.database.onConnection(workspaceId, async (client) => {
      const from = (source: string) => client.query<FeedEvent>(LIFE(source), [customerIds, upTo.horizon, upTo.sequence, at ?? null]);
      // Seldom has anybody archived events: the question does not wait for where they are.
      const [archived, live] = await Promise.all([this.history.reaching(client, scope), from(FEED)]);
      if (archived.length === 0) return live.rows;
      await this.history.bring(client, archived, scope);
      return (await from(HISTORY)).rows;
    });
  }

  /** Whose events changed hands after a position of the feed of mappings: their states hold what is not theirs, or lack what is. */
  async moves(workspaceId: string, after: Position, limit: number): Promise<Moves> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ horizon: number; sequence: number; from: string; into: string }>(
        `select horizon::float8 as horizon, sequence::float8 as sequence, from_customer_id as "from", into_customer_id as "into"
         from ingestion.mapping_feed_v1 f where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) order by f.horizon, f.sequence limit $3`,
        [after.horizon, after.sequence, limit],
      );
      const last = rows.at(-1);
      return { customerIds: [...new Set(rows.flatMap(({ from, into }) => [from, into]))], end: last ? { horizon: last.horizon, sequence: last.sequence } : after };
    });
  }

  /** Events after a position, counted to 10,000. */
  countAfter(workspaceId: string, position: Position): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::float8 as count from (select from ingestion.event_feed_v1
         where (horizon, sequence) > ($1::bigint, $2::bigint) limit ${MOST_COUNTED}) as ahead`,
        [position.horizon, position.sequence],
      );
      return rows[0]?.count ?? 0;
    });
  }

  /** Rejects when the feed cannot be read at all. */
  async probe(): Promise<void> {
    // No row is asked for: to find one in a workspace that has none, all that there are would be looked through.
    await this.database.onConnection(NIL, (client) => client.query('select from ingestion.event_feed_v1 limit 0'));
  }
}
