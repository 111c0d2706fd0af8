import { Inject, Injectable } from '@nestjs/common';

import { RpcError } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { BatchReader } from '../scoring/batch.reader.js';
import { BatchRepository, StaleBatch } from '../scoring/batch.repository.js';
import { FeedRepository } from '../scoring/feed.repository.js';
import { ReadingTerm } from '../scoring/reading.term.js';
import { ScoringRepository } from '../scoring/scoring.repository.js';
import { ScoringService } from '../scoring/scoring.service.js';
import type { Context } from '../store.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { ShadowReading } from './shadow.reading.js';

/** One after another: the served model's readings wait behind no more than that at the worker. */
const REQUESTS_AT_ONCE = 1;
/** Everything is written once, and read again only by whoever serves it: nothing is gained by keeping it. */
const NOTHING_KEPT = { get: () => undefined, set: () => undefined, drop: () => undefined };

/**
 * Brings the states of a model that is not served up to the feed, so that a switch to it leaves little to be taken in
 * afterwards. What is committed stays: whoever is cut off goes on from there. Subjects that went from one customer to
 * another meanwhile are followed after the switch.
 */
@Injectable()
export class ShadowFollower {
  constructor(
    @Inject(SERVICE) private readonly context: Context,
    private readonly models: ScoringRepository,
    private readonly batches: BatchRepository,
    private readonly feed: FeedRepository,
    private readonly scoring: ScoringService,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /**
   * Until next to nothing is left, or as much as comes meanwhile, or the time is over, or nobody can be scored now; told are the
   * events that were taken in by then. Ends at once where the model is served, or is not prepared.
   */
  async *follow(workspaceId: string, modelId: string, until: number): AsyncGenerator<number> {
    const { log } = this.context;
    const began = Date.now();
    let taken = 0;
    while (Date.now() < until) {
      const standing = await this.models.shadow(workspaceId, modelId);
      if (!standing) return;
      const term = new ReadingTerm(standing, { leases: [], segments: new Map(), states: NOTHING_KEPT, scorer: this.scoring.openScorer(standing.served) });
      try {
        const reader = new BatchReader(workspaceId, { scoring: this.models, feed: this.feed, directory: this.directory, requestsAtOnce: REQUESTS_AT_ONCE, log });
        for await (const events of new ShadowReading(workspaceId, term, { feed: this.feed, batches: this.batches, reader }).batches()) {
          taken += events;
          yield taken;
          if (Date.now() >= until) break;
        }
        return log.info({ modelId, events: taken, seconds: (Date.now() - began) / 1_000 }, 'a model has taken in what came since its snapshot');
      } catch (error) {
        if (error instanceof RpcError) return log.warn({ err: error, modelId }, 'a model takes in what came since its snapshot only once it is served: nobody can be scored now');
        // Somebody was forgotten, or another one follows too: from what stands now.
        if (!(error instanceof StaleBatch)) throw error;
      } finally {
        await term.end();
      }
    }
  }
}
