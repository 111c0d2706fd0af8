import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { counting, serving } from '#libs/contracts';

import { ChangeSignal } from '../change/change.signal.js';

/** The live segments as the served model draws them, with sizes as of the time that each says. */
export interface Drawing {
  readonly segments: readonly serving.Segment[];
  /** Of all sizes. */
  readonly basis: counting.CountBasis;
}

/** A drawing of now, and the pages that were made of it, by what was asked. */
export interface DrawingNow extends Drawing {
  readonly pages: LRUCache<string, Readonly<serving.ListSegmentsResponse>>;
}

interface Kept {
  /** What was raised before it was read: what is raised later may not be in it. */
  readonly seen: number;
  readonly readAt: number;
  readonly drawing: Promise<DrawingNow>;
}

/** For what nobody announces (strengths, parts of segments), and for announcements that get lost between replicas. */
const FRESH_MS = 500;
const MOST_WORKSPACES = 1_000;
const MOST_PAGES = 20;

/** Keeps what nearly every answer needs, the segments of now, until somebody moves, a name or a model changes, or half a second has passed. */
@Injectable()
export class SegmentsNow {
  private readonly kept = new LRUCache<string, Kept>({ max: MOST_WORKSPACES });

  constructor(private readonly changes: ChangeSignal) {}

  of(workspaceId: string, read: () => Promise<Drawing>): Promise<DrawingNow> {
    const seen = this.changes.seen(workspaceId);
    const known = this.kept.get(workspaceId);
    if (known && known.seen === seen && performance.now() - known.readAt < FRESH_MS) return known.drawing;
    const made: Kept = { seen, readAt: performance.now(), drawing: read().then((drawing) => ({ ...drawing, pages: new LRUCache({ max: MOST_PAGES }) })) };
    this.kept.set(workspaceId, made);
    made.drawing.catch(() => {
      if (this.kept.get(workspaceId) === made) this.kept.delete(workspaceId);
    });
    return made.drawing;
  }

  /** Call after the commit of what the drawing shows. */
  changed(workspaceId: string): void {
    this.changes.announce(workspaceId);
  }
}
