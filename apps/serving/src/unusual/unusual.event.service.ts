import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

import pRetry from 'p-retry';

import type { unusualEvent } from '#libs/contracts';
import type { Position } from '#libs/database';

import { type ChangePlace, unusualEventCursor } from '../change/change.cursor.js';
import { FeedBeginning } from '../change/feed.beginning.js';
import type { Outlet } from '../change/feed.watch.js';
import { EVENTS_AT_ONCE, UnusualEventJudge } from './unusual.event.judge.js';
import { type NamedEvent, UnusualEventRepository } from './unusual.event.repository.js';

const LOOK_MS = 1_000;
const AGAIN_MS = { first: 500, most: 5_000 };

/**
 * Tells whoever watches of events that are unusual. Nothing of it lies on the way that memberships take: each watcher follows the feed
 * on its own, within a second, and where more comes in than can be judged it falls behind and skips nothing.
 */
@Injectable()
export class UnusualEventService implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    private readonly feed: UnusualEventRepository,
    private readonly judge: UnusualEventJudge,
    private readonly beginning: FeedBeginning,
  ) {}

  /** Streams end before the server waits for calls to end. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /** From a cursor on, without end. */
  async *watch(workspaceId: string, { after }: unusualEvent.WatchUnusualEventsRequest, outlet: Outlet): AsyncGenerator<unusualEvent.WatchUnusualEventsResponse> {
    const gone = AbortSignal.any([outlet.signal, this.stopping.signal]);
    let place = positionAt(await this.beginning.of(workspaceId, unusualEventCursor, after, async () => placeOf(await this.feed.head(workspaceId))));
    yield { event: undefined, beginsAfter: unusualEventCursor.write(placeOf(place)) };
    while (!gone.aborted) {
      const events = await this.feed.after(workspaceId, place, EVENTS_AT_ONCE);
      for (const event of await this.unusualOf(workspaceId, events, gone)) yield { event, beginsAfter: '' };
      place = events.at(-1) ?? place;
      await outlet.ready();
      if (events.length < EVENTS_AT_ONCE) await wait(LOOK_MS, undefined, { signal: gone }).catch(() => undefined);
    }
  }

  /** Waits for a worker that is away. Nothing once `gone` fires. */
  private async unusualOf(workspaceId: string, events: readonly NamedEvent[], gone: AbortSignal): Promise<unusualEvent.UnusualEvent[]> {
    const options = { retries: Number.POSITIVE_INFINITY, minTimeout: AGAIN_MS.first, maxTimeout: AGAIN_MS.most, signal: gone };
    return pRetry(() => this.judge.unusualOf(workspaceId, events), options).catch((error: unknown) => {
      if (gone.aborted) return [];
      throw error;
    });
  }
}

function positionAt([horizon, sequence]: ChangePlace): Position {
  return { horizon, sequence };
}

function placeOf({ horizon, sequence }: Position): ChangePlace {
  return [horizon, sequence];
}
