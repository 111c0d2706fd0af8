import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { counting, serving } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { ChangeSignal } from '../change/change.signal.js';
import { uuidFilter } from '../page/uuid.js';
import { isoOf, microsOf } from '../time/micros.js';
import { expectPast } from '../time/past.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { briefly, toBasis, toSegment } from './segment.mapper.js';
import { type SegmentList, SegmentRepository } from './segment.repository.js';

/** Segments as a model draws them, with sizes as of the time that each says. */
export interface Drawing {
  readonly segments: readonly serving.Segment[];
  /** Of all sizes. */
  readonly basis: counting.CountBasis;
}

/** The live segments as the served model draws them now, and the pages that were made of it, by what was asked. */
export interface DrawingNow extends Drawing {
  /** Each briefly, by its id. */
  readonly briefs: ReadonlyMap<string, serving.Segment>;
  readonly pages: LRUCache<string, Readonly<serving.ListSegmentsResponse>>;
}

interface Kept {
  /** What was raised before it was read: what is raised later may not be in it. */
  readonly seen: number;
  readonly readAt: number;
  readonly drawing: Promise<DrawingNow>;
  /** What takes its place, read before it is too old: nobody waits for what is asked for all the time. */
  next?: Kept | undefined;
}

/** For what nobody announces (strengths, parts of segments), and for announcements that get lost between replicas. */
const FRESH_MS = 500;
const RENEWED_AFTER_MS = 350;
const MOST_WORKSPACES = 1_000;
const MOST_PAGES = 20;
const NOW = { ids: null, modelId: '', asOf: undefined };

/** Segments as they are drawn: now, which nearly every answer needs, by another model, or as of a time. */
@Injectable()
export class Drawings {
  private readonly kept = new LRUCache<string, Kept>({ max: MOST_WORKSPACES });

  constructor(
    private readonly segments: SegmentRepository,
    private readonly directory: WorkspaceDirectory,
    private readonly changes: ChangeSignal,
  ) {}

  /** Kept until somebody moves, a name or a model changes, or half a second has passed. */
  now(workspaceId: string): Promise<DrawingNow> {
    const seen = this.changes.seen(workspaceId);
    const isFresh = (kept: Kept) => kept.seen === seen && ageOf(kept) < FRESH_MS;
    const known = this.kept.get(workspaceId);
    if (known && isFresh(known)) {
      if (ageOf(known) >= RENEWED_AFTER_MS) known.next ??= this.readNow(workspaceId, seen);
      return known.drawing;
    }
    const made = known?.next && isFresh(known.next) ? known.next : this.readNow(workspaceId, seen);
    this.kept.set(workspaceId, made);
    return made.drawing;
  }

  /** Call after the commit of what the drawing of now shows. */
  changed(workspaceId: string): void {
    this.changes.announce(workspaceId);
  }

  /** By a model (empty: the served one), or as of a time; `ids` null: all that are live, or drawn by the model asked for. */
  async read(workspaceId: string, view: { ids: string[] | null; modelId: string; asOf: string | undefined }): Promise<Drawing> {
    const then = view.asOf === undefined ? undefined : microsOf(view.asOf);
    if (then !== undefined && view.modelId !== '') {
      throw RpcError.invalid('Give one of modelId and asOf: where another model would have placed customers then is not kept.', { reason: 'AS_OF_INVALID' });
    }
    const list = await this.segments.list(workspaceId, { ids: view.ids, modelId: uuidFilter(view.modelId), asOf: then === undefined ? null : isoOf(then) });
    if (then === undefined) return this.drawingOf(workspaceId, list);
    const { segments, ...counted } = list;
    expectPast(then, microsOf(await this.directory.asOf(workspaceId, counted.newestEventAt)));
    // Which events had moved memberships by an earlier time is not kept.
    const basis = toBasis({ ...counted, newestEventAt: null }, isoOf(then));
    return { basis, segments: segments.map((row) => toSegment(row, basis)) };
  }

  /** By each of the models: what nobody drew is empty. */
  async ofModels(workspaceId: string, modelIds: readonly string[]): Promise<Map<string, Drawing>> {
    const lists = await this.segments.listOfModels(workspaceId, modelIds);
    return new Map(await Promise.all([...lists].map(async ([modelId, list]) => [modelId, await this.drawingOf(workspaceId, list)] as const)));
  }

  /** Of sizes that are not as of a time that was asked for. */
  private async drawingOf(workspaceId: string, { segments, ...counted }: SegmentList): Promise<Drawing> {
    const basis = toBasis(counted, counted.readAt === null ? await this.directory.asOf(workspaceId, counted.newestEventAt) : isoOf(counted.readAt));
    return { basis, segments: segments.map((row) => toSegment(row, basis)) };
  }

  private readNow(workspaceId: string, seen: number): Kept {
    const made: Kept = { seen, readAt: performance.now(), drawing: this.read(workspaceId, NOW).then(drawnNow) };
    made.drawing.catch(() => this.forget(workspaceId, made));
    return made;
  }

  /** What could not be read is read anew for who asks next. */
  private forget(workspaceId: string, failed: Kept): void {
    const known = this.kept.get(workspaceId);
    if (known === failed) this.kept.delete(workspaceId);
    else if (known?.next === failed) known.next = undefined;
  }
}

function ageOf({ readAt }: Kept): number {
  return performance.now() - readAt;
}

function drawnNow(drawing: Drawing): DrawingNow {
  return { ...drawing, briefs: new Map(drawing.segments.map((segment) => [segment.id, briefly(segment)])), pages: new LRUCache({ max: MOST_PAGES }) };
}
