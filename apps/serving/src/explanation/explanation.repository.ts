import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { DATABASE } from '../store.js';
import { isoOf, type Micros } from '../time/micros.js';
import type { KnownTrait } from './own.figures.js';

/** What a model said of one of its segments when it drew them. */
export interface DrawnSegment {
  readonly segmentId: string;
  readonly index: number;
  readonly traits: readonly KnownTrait[];
  readonly typicalCustomerIds: readonly string[];
}

@Injectable()
export class ExplanationRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Whether the customer is in the segment now, by this model. */
  isMember(workspaceId: string, customerId: string, segmentId: string, modelId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `select from serving.memberships where customer_id = $1 and segment_id = $2 and model_id = $3 and until is null`,
        [customerId, segmentId, modelId],
      );
      return rowCount === 1;
    });
  }

  /** Whether the customer was in the segment at a time, by whatever model. */
  wasMember(workspaceId: string, customerId: string, segmentId: string, at: Micros): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `select from serving.memberships where customer_id = $1 and segment_id = $2 and model_id is not null and since <= $3 and (until is null or until > $3)`,
        [customerId, segmentId, isoOf(at)],
      );
      return rowCount === 1;
    });
  }

  drawn(workspaceId: string, modelId: string): Promise<DrawnSegment[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<DrawnSegment>(
        `select segment_id as "segmentId", segment_index as index, traits, typical_customer_ids as "typicalCustomerIds"
         from serving.segment_versions where model_id = $1 and level = 'MAIN' order by segment_index`,
        [modelId],
      );
      return rows;
    });
  }
}
