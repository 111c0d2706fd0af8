import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import { RpcError, status } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { isoOf, type Micros } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import type { Found } from './neighbour.space.js';
import { type Held, Neighbours } from './neighbours.js';
import { type EmbeddingRow, type ServedSpace, SimilarRepository } from './similar.repository.js';

/** A look at the states: when it began, by this process and by the workspace's clock. */
interface Look {
  readonly at: number;
  readonly now: Micros;
}

export interface Loaded {
  readonly name: string;
  /** Numbers in an embedding; 0 while there is none. */
  readonly width: number;
  readonly workspaceId: string;
  readonly modelId: string;
  looks: Look[];
  erasures: number;
  held: Held;
  looking: Promise<void> | undefined;
}

/** What is known of everyone may be so old when it is searched; whoever is named is always compared as they are now. */
const FRESH_MS = 5_000;
/**
 * A state that is committed carries the workspace's time at which its reading began. None takes so long to be committed, so that
 * what was read since a look that began so long ago is all that such a look can have missed.
 */
const COMMITTED_WITHIN_MS = 60_000;
/** Spaces that nobody searches are given up. */
const IDLE_MS = 600_000;
const BYTES_PER_FLOAT = 4;

/** The spaces that are searched, each of one model of one workspace, kept near to its states. */
@Injectable()
export class SimilarSpaces {
  private readonly spaces: LRUCache<string, Promise<Loaded>>;
  private readonly exactUpTo: number;

  constructor(
    private readonly neighbours: Neighbours,
    private readonly states: SimilarRepository,
    private readonly directory: WorkspaceDirectory,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    this.exactUpTo = context.config.SIMILAR_EXACT_UP_TO;
    this.spaces = new LRUCache<string, Promise<Loaded>>({
      max: 1_000,
      ttl: IDLE_MS,
      updateAgeOnGet: true,
      ttlAutopurge: true,
      dispose: (_space, name) => void neighbours.close(name).catch(() => undefined),
    });
    neighbours.onEnded(() => this.spaces.clear());
  }

  /** Everyone whom the served model has read; it waits for a look at what is new where that is quick. */
  async of(workspaceId: string, served: ServedSpace): Promise<Loaded> {
    const name = `${workspaceId}/${served.modelId}`;
    const known = this.spaces.get(name);
    if (known) {
      const space = await known;
      await this.refresh(space, served);
      return space;
    }
    // Another model of the workspace is served no more.
    for (const other of this.spaces.keys()) if (other.startsWith(`${workspaceId}/`)) this.spaces.delete(other);
    const loading = this.load(workspaceId, served, name);
    this.spaces.set(name, loading);
    loading.catch(() => this.spaces.delete(name));
    return loading;
  }

  /** As of when a space is, by the workspace's clock. */
  asOf({ looks }: Loaded): string {
    return isoOf(looks.at(-1)?.now ?? 0);
  }

  /** They are not there any more. */
  async drop({ name }: Loaded, customerIds: readonly string[]): Promise<void> {
    if (customerIds.length > 0) await this.neighbours.drop(name, customerIds);
  }

  async held(space: Loaded): Promise<Held> {
    return (space.held = await this.neighbours.settle(space.name));
  }

  /** To any of each group of embeddings: one question, however many there are. */
  nearest({ name }: Loaded, groups: readonly (readonly EmbeddingRow[])[], count: number): Promise<Found> {
    const vectors = floatsOf(groups.flat().map(({ embedding }) => embedding));
    return this.neighbours.nearest(name, vectors, groups.map(({ length }) => length), count);
  }

  private async load(workspaceId: string, served: ServedSpace, name: string): Promise<Loaded> {
    const look = await this.look(workspaceId, served);
    let width = 0;
    for await (const rows of this.states.all(workspaceId, served.modelId)) {
      if (width === 0) await this.neighbours.open(name, (width = (rows[0]?.embedding.length ?? 0) / BYTES_PER_FLOAT), this.exactUpTo);
      await this.put(name, width, rows);
    }
    if (width === 0) throw new RpcError(status.UNAVAILABLE, 'The served model has read nobody yet.', { reason: 'NOBODY_READ' });
    const held = await this.neighbours.settle(name);
    return { name, width, workspaceId, modelId: served.modelId, looks: [look], erasures: served.erasures, held, looking: undefined };
  }

  private async refresh(space: Loaded, served: ServedSpace): Promise<void> {
    const isFresh = Date.now() - (space.looks.at(-1)?.at ?? 0) < FRESH_MS && space.erasures === served.erasures;
    if (isFresh) return;
    space.looking ??= this.follow(space, served).finally(() => (space.looking = undefined));
    if (space.held.customers <= this.exactUpTo) return space.looking;
    space.looking.catch((error: unknown) => this.context.log.warn({ err: error }, 'a space of neighbours grows old'));
  }

  /** Takes in what was read since, and lets go of those who are no more where somebody was forgotten. */
  private async follow(space: Loaded, served: ServedSpace): Promise<void> {
    const { name, width, workspaceId, modelId, looks } = space;
    const look = await this.look(workspaceId, served);
    const from = Math.max(0, looks.findLastIndex(({ at }) => at <= look.at - COMMITTED_WITHIN_MS));
    for await (const rows of this.states.since(workspaceId, modelId, looks[from]?.now ?? 0)) await this.put(name, width, rows);
    if (space.erasures !== served.erasures) {
      for await (const ids of this.states.absent(workspaceId, modelId, await this.neighbours.ids(name))) await this.neighbours.drop(name, ids);
    }
    space.erasures = served.erasures;
    space.looks = [...looks.slice(from), look];
    space.held = await this.neighbours.settle(name);
  }

  private async look(workspaceId: string, { newestEventAt }: ServedSpace): Promise<Look> {
    return { at: Date.now(), now: await this.directory.now(workspaceId, newestEventAt) };
  }

  /** Embeddings of another width are of no use here. */
  private async put(name: string, width: number, rows: readonly EmbeddingRow[]): Promise<void> {
    const fitting = rows.filter(({ embedding }) => embedding.length === width * BYTES_PER_FLOAT);
    if (fitting.length > 0) await this.neighbours.put(name, fitting.map(({ customerId }) => customerId), floatsOf(fitting.map(({ embedding }) => embedding)));
  }
}

/** (n, width), copied, so that they can be given away. */
function floatsOf(embeddings: readonly Buffer[]): Float32Array<ArrayBuffer> {
  const bytes = new Uint8Array(embeddings.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const embedding of embeddings) {
    bytes.set(embedding, at);
    at += embedding.length;
  }
  return new Float32Array(bytes.buffer);
}
