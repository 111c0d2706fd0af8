import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

import type { serving } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { onlyUuids } from '../page/uuid.js';
import { SimilarRepository } from './similar.repository.js';

const MOST = 100;
const DEFAULT = 10;
/** Embeddings of others may be this old; the customer's own is always read fresh. */
const FRESH_MS = 15_000;
const MEMORY_BYTES = 256 * 1024 * 1024;

/** Unit vectors of everyone whom a model has read, one after the other. */
interface Space {
  readonly customerIds: string[];
  readonly width: number;
  readonly vectors: Float32Array;
}

/** Nearest customers by the cosine of their embeddings: exact, against everyone. */
@Injectable()
export class SimilarService {
  private readonly spaces: LRUCache<string, Space>;

  constructor(private readonly embeddings: SimilarRepository) {
    this.spaces = new LRUCache<string, Space>({
      maxSize: MEMORY_BYTES,
      sizeCalculation: ({ vectors, customerIds }) => vectors.byteLength + customerIds.length * 60 + 1,
      ttl: FRESH_MS,
      fetchMethod: (key) => this.load(key),
    });
  }

  async list(workspaceId: string, { customerId, first }: serving.ListSimilarCustomersRequest): Promise<serving.ListSimilarCustomersResponse> {
    if (first > MOST) throw RpcError.invalid(`At most ${MOST} similar customers at once.`, { reason: 'PAGE_TOO_LARGE' });
    const modelId = await this.embeddings.servedModel(workspaceId);
    const [id] = onlyUuids([customerId]);
    const own = modelId && id && (await this.embeddings.embedding(workspaceId, modelId, id));
    if (!own) return { customers: [] };
    const space = await this.spaces.fetch(`${workspaceId}/${modelId}`);
    return { customers: space ? nearest(space, unit(own), id, first || DEFAULT) : [] } satisfies serving.ListSimilarCustomersResponse;
  }

  private async load(key: string): Promise<Space> {
    const [workspaceId = '', modelId = ''] = key.split('/');
    const customerIds: string[] = [];
    const pieces: Float32Array[] = [];
    for await (const rows of this.embeddings.all(workspaceId, modelId)) {
      for (const { customerId, embedding } of rows) {
        customerIds.push(customerId);
        pieces.push(unit(embedding));
      }
    }
    const width = pieces[0]?.length ?? 0;
    const vectors = new Float32Array(width * pieces.length);
    for (const [index, piece] of pieces.entries()) vectors.set(piece.subarray(0, width), index * width);
    return { customerIds, width, vectors };
  }
}

function nearest({ customerIds, width, vectors }: Space, own: Float32Array, ownId: string, first: number): serving.SimilarCustomer[] {
  if (own.length !== width) return [];
  // Kept sorted, farthest last; it is short.
  const best: serving.SimilarCustomer[] = [];
  for (const [index, customerId] of customerIds.entries()) {
    if (customerId === ownId) continue;
    let similarity = 0;
    const from = index * width;
    for (let i = 0; i < width; i++) similarity += (vectors[from + i] ?? 0) * (own[i] ?? 0);
    if (best.length === first && similarity <= (best.at(-1)?.similarity ?? 0)) continue;
    const place = best.findIndex((other) => other.similarity < similarity);
    best.splice(place === -1 ? best.length : place, 0, { customerId, similarity: Math.max(-1, Math.min(1, similarity)) });
    if (best.length > first) best.pop();
  }
  return best;
}

/** Cosine of two embeddings, -1..1; 0 where they are of different models. */
export function similarityOf(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return 0;
  const [a, b] = [unit(one), unit(other)];
  return Math.max(-1, Math.min(1, a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)));
}

function unit(embedding: Buffer): Float32Array {
  const width = Math.floor(embedding.length / 4);
  const vector = new Float32Array(width);
  let squares = 0;
  for (let i = 0; i < width; i++) {
    const value = embedding.readFloatLE(i * 4);
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  return length > 0 ? vector.map((value) => value / length) : vector;
}
