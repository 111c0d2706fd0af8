import { Injectable } from '@nestjs/common';

import type { worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { microsOf, type Micros } from '../time/micros.js';
import { endOf, expectPast } from '../time/past.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { toScoreEvent } from './customer.reading.js';
import { FeedRepository, WHOLE_FEED } from './feed.repository.js';
import { type PackedForecast, shapeOf } from './packed.forecast.js';
import { ScoringRepository, type ServedModel } from './scoring.repository.js';
import { ScoringService } from './scoring.service.js';

export interface PastReading extends Omit<worker.CustomerScoreResult, 'forecast' | 'packedForecast'> {
  readonly forecast: PackedForecast;
}

/** Customers as a model reads what they had done by a time. */
export interface PastReadingsOf {
  readonly served: ServedModel;
  /** By customer; without those who had done nothing, or cannot be read. */
  readonly readings: ReadonlyMap<string, PastReading>;
}

/** Few, for their whole histories are held at once. */
const AT_ONCE = 32;
const EMPTY = Buffer.alloc(0);

/** Reads customers again as of a time: states are kept of the present alone. */
@Injectable()
export class PastReadings {
  constructor(
    private readonly scoring: ScoringRepository,
    private readonly scorers: ScoringService,
    private readonly feed: FeedRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /** The time asked for, and the served model; throws where that time has not come. */
  async at(workspaceId: string, asOf: string): Promise<{ at: Micros; served: ServedModel | undefined }> {
    const at = microsOf(asOf);
    if (!Number.isFinite(at)) throw RpcError.invalid('asOf: give a time.', { reason: 'AS_OF_INVALID' });
    const served = (await this.scoring.standing(workspaceId, []))?.served;
    expectPast(at, await this.directory.now(workspaceId, served?.newestEventAt ?? null));
    return { at, served };
  }

  /** By the served model; undefined while there is none. Rejects where nobody can be scored now. */
  async of(workspaceId: string, customerIds: readonly string[], asOf: string): Promise<PastReadingsOf | undefined> {
    const { at, served } = await this.at(workspaceId, asOf);
    if (!served) return undefined;
    const readings = new Map<string, PastReading>();
    const scorer = this.scorers.openScorer(served);
    try {
      for (let from = 0; from < customerIds.length; from += AT_ONCE) {
        // What happened by a time counts whenever it came.
        const events = await this.feed.ofCustomers(workspaceId, customerIds.slice(from, from + AT_ONCE), WHOLE_FEED, endOf(at));
        const requests = [...Map.groupBy(events, ({ customerId }) => customerId)].map(([customerId, theirs]) => ({ customerId, state: EMPTY, events: theirs.map(toScoreEvent), readAt: Math.max(at, theirs.at(-1)?.occurredAt ?? at) }));
        if (requests.length === 0) continue;
        const { customers, foreseen } = await scorer.score(requests);
        const shape = shapeOf(foreseen);
        for (const { packedForecast, forecast: _, ...result } of customers) if (!result.error && !result.rebuild) readings.set(result.customerId, { ...result, forecast: { shape, values: packedForecast } });
      }
    } finally {
      scorer.close();
    }
    return { served, readings };
  }
}
