import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

import { SERVICE } from '#libs/service';

import { ChangeSignal } from '../change/change.signal.js';
import { LeaseKeeper } from '../lease/lease.keeper.js';
import { LiveModels } from '../onnx/live.models.js';
import { type Context, SCORE_WORKER, type ScoreWorkerClient } from '../store.js';
import { HintSignal } from '../workspace/hint.signal.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { WorkspaceSignal } from '../workspace/workspace.signal.js';
import { BatchRepository } from './batch.repository.js';
import { FeedHealth } from './feed.health.js';
import { FeedRepository } from './feed.repository.js';
import { ScoreStream } from './score.stream.js';
import { ScoringRepository } from './scoring.repository.js';
import type { ScoredModel, Scorer } from './scorer.js';
import { StateCache } from './state.cache.js';
import { SteadyScorer } from './steady.scorer.js';
import { type ReaderParts, WorkspaceReader } from './workspace.reader.js';

const LOOK_AROUND_MS = 5_000;
/** Of those who serve. */
const REQUESTS_AT_ONCE = 4;

/** One reader for each workspace there is, of the partitions that are leased, woken by hints. */
@Injectable()
export class ScoringService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly readers = new Map<string, Promise<void>>();
  /** What wakes the readers. */
  private readonly bell = new WorkspaceSignal();
  private readonly stopping = new AbortController();
  private readonly parts: ReaderParts;
  private background: Promise<unknown> = Promise.resolve();
  private stopListening: () => void = () => undefined;

  constructor(
    @Inject(SERVICE) private readonly context: Context,
    @Inject(SCORE_WORKER) private readonly worker: ScoreWorkerClient,
    private readonly live: LiveModels,
    private readonly directory: WorkspaceDirectory,
    private readonly health: FeedHealth,
    private readonly hints: HintSignal,
    changes: ChangeSignal,
    scoring: ScoringRepository,
    feed: FeedRepository,
    cache: StateCache,
    private readonly leases: LeaseKeeper,
    batches: BatchRepository,
  ) {
    const { config, log } = context;
    this.parts = {
      scoring, batches, feed, cache, leases, changes, directory, log,
      openScorer: (model) => this.openScorer(model),
      hints: this.bell,
      requestsAtOnce: REQUESTS_AT_ONCE,
      pollMs: config.FEED_POLL_MS,
      sweepAfterSeconds: config.SWEEP_AFTER_SECONDS,
    };
  }

  onApplicationBootstrap(): void {
    const keeping = this.leases.run(() => [...this.readers.keys()], (workspaceId) => this.wake(workspaceId), this.stopping.signal);
    // A workspace that is new is read from its first hint on.
    this.stopListening = this.hints.listen((workspaceId) => this.wake(workspaceId));
    this.background = Promise.all([this.lookAround(), keeping]);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopListening();
    this.stopping.abort();
    await Promise.all([this.background, ...this.readers.values()]);
    await this.leases.leave();
  }

  /** There is something new to read in a workspace: events, or another model. */
  wake(workspaceId: string): void {
    if (!this.readers.has(workspaceId) && !this.stopping.signal.aborted) {
      this.readers.set(workspaceId, new WorkspaceReader(workspaceId, this.parts).run(this.stopping.signal));
      this.leases.hurry();
    }
    this.bell.raise(workspaceId);
  }

  /** What scores by a model, at the worker or here; to be closed by whoever asked for it. */
  openScorer(model: ScoredModel): Scorer {
    const { config, log } = this.context;
    return new SteadyScorer({
      stream: new ScoreStream(this.worker, model),
      live: this.live.of(model),
      deadlineMs: config.SCORE_DEADLINE_MS,
      fallbackMs: config.SCORE_FALLBACK_MS,
      nearUpTo: config.SCORE_IN_PROCESS_UP_TO,
      log: log.child({ modelId: model.modelId }),
    });
  }

  /** Has those load a model who may have to score by it, so that a switch to it keeps no event waiting. */
  async warm(model: Omit<ScoredModel, 'fence'>): Promise<void> {
    const scorer = this.openScorer({ ...model, fence: 0 });
    try {
      await scorer.score([]);
    } catch (error) {
      this.context.log.debug({ err: error, modelId: model.modelId }, 'a model could not be loaded ahead; it is loaded once it is served');
    } finally {
      scorer.close();
    }
  }

  /** Finds workspaces that are new without a hint, and says whether the feed can be read. */
  private async lookAround(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.health.check().catch(() => undefined);
      try {
        for (const workspaceId of await this.directory.list()) if (!this.readers.has(workspaceId)) this.wake(workspaceId);
      } catch (error) {
        this.context.log.debug({ err: error }, 'access does not answer; the workspaces known so far are read on');
      }
      await wait(LOOK_AROUND_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
