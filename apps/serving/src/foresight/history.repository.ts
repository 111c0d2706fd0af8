import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { FeedEvent } from '../scoring/feed.repository.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

/** A list of items that an event carried, as it was sent. */
export interface SentBasket {
  readonly customerId: string;
  readonly at: Micros;
  readonly items: unknown;
}

export interface PastEvent extends Pick<FeedEvent, 'customerId' | 'type' | 'name' | 'occurredAt' | 'properties'> {
  readonly eventId: string;
}

/** Events of some customers, latest first, at most so many of each; `$1` their ids. */
const latest = (columns: string, condition: string, limit: string) => `select e.* from unnest($1::uuid[]) as c(id) cross join lateral (
    select ${columns} from ingestion.event_feed_v1 f where f.customer_id = c.id ${condition}
    order by f.occurred_at desc, f.sequence desc limit ${limit}) as e`;

const BASKETS = latest(
  `f.customer_id as "customerId", ${microsSql('f.occurred_at')} as at, f.properties -> $2::text as items`,
  `and f.type = 'track' and f.name = any($3::text[]) and jsonb_typeof(f.properties -> $2::text) = 'array'`,
  '$4',
);
const EVENTS = latest(
  `f.customer_id as "customerId", f.event_id as "eventId", f.type, f.name, ${microsSql('f.occurred_at')} as "occurredAt", f.properties::text as properties`,
  '',
  '$2',
);

/** What customers did, as ingestion publishes it. */
@Injectable()
export class HistoryRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** By customer, oldest first: one statement for all of them. */
  async baskets(workspaceId: string, customerIds: readonly string[], property: string, names: readonly string[], most: number): Promise<Map<string, SentBasket[]>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<SentBasket>(BASKETS, [customerIds, property, names, most]);
      return Map.groupBy(rows.reverse(), ({ customerId }) => customerId);
    });
  }

  /** By customer, oldest first: one statement for all of them. */
  async events(workspaceId: string, customerIds: readonly string[], most: number): Promise<Map<string, PastEvent[]>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PastEvent>(EVENTS, [customerIds, most]);
      return Map.groupBy(rows.reverse(), ({ customerId }) => customerId);
    });
  }
}
