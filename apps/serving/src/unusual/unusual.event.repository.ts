import { Inject, Injectable } from '@nestjs/common';

import type { Database, Position } from '#libs/database';

import { alongTheIndex, type FeedEvent, headOfFeed } from '../scoring/feed.repository.js';
import { DATABASE } from '../store.js';
import { microsSql } from '../time/micros.js';

/** An event as the feed has it, with its id. */
export interface NamedEvent extends Position, Pick<FeedEvent, 'customerId' | 'type' | 'name' | 'occurredAt'> {
  readonly eventId: string;
}

const AFTER = `select horizon::float8 as horizon, sequence::float8 as sequence, event_id as "eventId", customer_id as "customerId", type, name, ${microsSql('occurred_at')} as "occurredAt"
  from ingestion.event_feed_v1 f where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) order by f.horizon, f.sequence limit $3`;

/** The feed of events, as whoever watches it for unusual ones reads it. */
@Injectable()
export class UnusualEventRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** The place of the newest event. */
  head(workspaceId: string): Promise<Position> {
    return this.database.onConnection(workspaceId, headOfFeed);
  }

  /** In the order of the feed. */
  after(workspaceId: string, { horizon, sequence }: Position, limit: number): Promise<NamedEvent[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [, { rows }] = await Promise.all([alongTheIndex(client), client.query<NamedEvent>({ name: 'feed-after', text: AFTER, values: [horizon, sequence, limit] })]);
      return rows;
    });
  }
}
