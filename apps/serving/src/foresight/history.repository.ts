import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';
import { type Archived, EventHistory, type EventScope, FEED, HISTORY, LAST_SEQUENCE } from '#libs/history';

import type { FeedEvent } from '../scoring/feed.repository.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';
import type { ItemTable } from './item.table.js';

/** A list of items that an event carried, as it was sent. */
export interface SentBasket {
  readonly customerId: string;
  readonly at: Micros;
  readonly items: unknown;
}

export interface PastEvent extends Pick<FeedEvent, 'customerId' | 'type' | 'name' | 'occurredAt' | 'properties'> {
  readonly eventId: string;
}

/** Where an event lies in its customer's life. */
export interface LifePlace {
  readonly customerId: string;
  readonly eventId: string;
  readonly at: Micros;
  readonly sequence: number;
}

/** Events of some customers, latest first, at most so many of each; `customers` are theirs, as `c`. */
const latest = (customers: string, columns: string, condition: string, limit: string) => (source: string) => `select e.* from ${customers} cross join lateral (
    select ${columns} from ${source} f where f.customer_id = c.id ${condition}
    order by f.occurred_at desc, f.sequence desc limit ${limit}) as e`;

const BASKETS = latest(
  'unnest($1::uuid[]) as c(id)',
  `f.customer_id as "customerId", ${microsSql('f.occurred_at')} as at, f.properties -> $2::text as items`,
  `and f.type = 'track' and f.name = any($3::text[]) and jsonb_typeof(f.properties -> $2::text) = 'array' and ($5::timestamptz is null or f.occurred_at <= $5)`,
  '$4',
);
const EVENTS = latest(
  'unnest($1::uuid[], $3::timestamptz[], $4::bigint[]) as c(id, at, sequence)',
  `f.customer_id as "customerId", f.event_id as "eventId", f.type, f.name, ${microsSql('f.occurred_at')} as "occurredAt", f.properties::text as properties`,
  'and (c.at is null or (f.occurred_at, f.sequence) <= (c.at, c.sequence))',
  '$2',
);
const PLACES = `select f.customer_id as "customerId", f.event_id as "eventId", ${microsSql('f.occurred_at')} as at, f.sequence::float8 as sequence
  from ${FEED} f where f.customer_id = any($1::uuid[]) and f.event_id = any($2::uuid[]) order by f.occurred_at, f.sequence`;

/** What customers did, as ingestion publishes it. */
@Injectable()
export class HistoryRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly history: EventHistory,
  ) {}

  /** By customer, oldest first, up to a time where one is given: one statement for all of them. */
  baskets(workspaceId: string, customerIds: readonly string[], { property, events: names }: Pick<ItemTable, 'property' | 'events'>, most: number, until?: string): Promise<Map<string, SentBasket[]>> {
    const scope = { customerIds, names, ...(until === undefined ? {} : { before: { at: until, sequence: LAST_SEQUENCE } }) };
    return this.latest<SentBasket>(workspaceId, scope, BASKETS, [customerIds, property, names, most, until ?? null], { most, at: ({ at }) => at });
  }

  /** By customer, oldest first, of those who have one up to that place: one statement for all of them. */
  events(workspaceId: string, customerIds: readonly string[], most: number, upTo: ReadonlyMap<string, LifePlace> = new Map()): Promise<Map<string, PastEvent[]>> {
    const places = customerIds.map((id) => upTo.get(id));
    const last = [...upTo.values()].reduce<LifePlace | undefined>((one, other) => (one && one.at >= other.at ? one : other), undefined);
    const scope = { customerIds, latest: most, ...(last ? { before: { at: isoOf(last.at), sequence: LAST_SEQUENCE } } : {}) };
    const values = [customerIds, most, places.map((place) => (place ? isoOf(place.at) : null)), places.map((place) => place?.sequence ?? null)];
    return this.latest<PastEvent>(workspaceId, scope, EVENTS, values, { most, at: ({ occurredAt }) => occurredAt });
  }

  /** Where those of the events lie that are not archived, in order of time. */
  async places(workspaceId: string, customerIds: readonly string[], eventIds: readonly string[]): Promise<LifePlace[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<LifePlace>(PLACES, [customerIds, eventIds])).rows);
  }

  /** Archives are opened for whom the feed has fewer than are wanted, or older ones than archives have. */
  private async latest<Row extends { readonly customerId: string }>(
    workspaceId: string,
    wanted: Pick<EventScope, 'customerIds' | 'names' | 'latest' | 'before'>,
    statement: (source: string) => string,
    values: unknown[],
    { most, at }: { most: number; at: (row: Row) => Micros },
  ): Promise<Map<string, Row[]>> {
    const scope = { ...wanted, isBehaviour: true };
    const byCustomer = (rows: Row[]) => Map.groupBy(rows.reverse(), ({ customerId }) => customerId);
    return this.database.onConnection(workspaceId, async (client) => {
      const [archived, live] = await Promise.all([this.history.reaching(client, scope), client.query<Row>(statement(FEED), values)]);
      const found = byCustomer(live.rows);
      const isMissing = ({ customerId, lastAt }: Archived) => {
        const theirs = found.get(customerId ?? '') ?? [];
        const [oldest] = theirs;
        return theirs.length < most || oldest === undefined || (lastAt ?? Infinity) >= at(oldest);
      };
      const missing = archived.filter(isMissing);
      if (missing.length === 0) return found;
      await this.history.bring(client, missing, scope);
      return byCustomer((await client.query<Row>(statement(HISTORY), values)).rows);
    });
  }
}
