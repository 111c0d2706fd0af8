/*
 * Everyone whom one model has read, by their embeddings: who lies nearest, and how near. It imports nothing of ours, for it
 * is what the thread of neighbours runs, from source as well as compiled.
 */
import usearch, { type BatchMatches, type Index, type Matches } from 'usearch';

/** How a search went. */
export interface Search {
  readonly isExact: boolean;
  /** Of an index: the share of the ten nearest that it names, on a sample when it was built; 1 where everyone is compared. */
  readonly recall: number;
  /** Customers that this was measured on. */
  readonly recallSample: number;
  /** When the index was built, milliseconds since 1970; 0 while there is none. */
  readonly builtAt: number;
  /** Customers searched. */
  readonly customers: number;
}

export interface Near {
  readonly customerIds: string[];
  /** Cosine of each to the nearest of what was asked for, -1..1, highest first. */
  readonly similarities: Float32Array;
}

export interface Found extends Search {
  /** Of each group of vectors that was asked for. */
  readonly groups: Near[];
}

/*
 * HNSW with the usual 16 links. Vectors in its graph are rounded to bytes, a quarter of the memory, and it is asked for more than
 * is wanted: what it proposes is compared by the true embeddings.
 */
const LINKS = 16;
const EFFORT_TO_ADD = 128;
const EFFORT_TO_SEARCH = 128;
const PROPOSED = 2;
const PROPOSED_AT_LEAST = 24;
const ADDED_AT_ONCE = 64;
/** Vectors searched for at once: everyone else's pass the processor once for all of these. Others who ask wait for no more than these. */
const SEARCHED_AT_ONCE = 8;
const MEASURED = 200;
const MEASURED_NEAREST = 10;
const FIRST_CAPACITY = 1_024;
/** From here on those added last lie less well in the graph than they could. */
const REBUILD_AFTER_SHARE = 0.5;

export class Space {
  /** By place; the places are 0 to size - 1, without gaps. */
  private ids: string[] = [];
  private readonly places = new Map<string, number>();
  /** (capacity, width), each of length 1, so that a cosine is one product; 0 where the model gave nothing. */
  private vectors: Float32Array;
  private index: Index | undefined;
  private search: Search = { isExact: true, recall: 1, recallSample: 0, builtAt: 0, customers: 0 };
  private changed = 0;
  private building: { readonly index: Index; upTo: number } | undefined;

  readonly width: number;
  readonly exactUpTo: number;

  constructor(width: number, exactUpTo: number) {
    this.width = width;
    this.exactUpTo = exactUpTo;
    this.vectors = new Float32Array(FIRST_CAPACITY * width);
  }

  get size(): number {
    return this.ids.length;
  }

  get customerIds(): readonly string[] {
    return this.ids;
  }

  get bytes(): number {
    return this.vectors.byteLength + this.size * 150 + (this.index ? this.size * (this.width + LINKS * 2 * 5) : 0);
  }

  get told(): Search {
    return { ...this.search, customers: this.size };
  }

  /** Customers new or moved; `vectors` (ids.length, width). */
  put(ids: readonly string[], vectors: Float32Array): void {
    this.makeRoom(this.size + ids.length);
    for (const [at, id] of ids.entries()) {
      const vector = unit(vectors.subarray(at * this.width, (at + 1) * this.width));
      const known = this.places.get(id);
      if (known !== undefined && vector.every((value, i) => value === this.vectors[known * this.width + i])) continue;
      const place = known ?? this.ids.push(id) - 1;
      this.places.set(id, place);
      this.vectors.set(vector, place * this.width);
      this.reindex(place, known !== undefined);
    }
  }

  drop(ids: readonly string[]): void {
    for (const id of ids) {
      const place = this.places.get(id);
      if (place === undefined) continue;
      const last = this.size - 1;
      const lastId = this.ids[last] ?? '';
      this.places.delete(id);
      this.unindex(last);
      this.ids.pop();
      if (place === last) continue;
      this.places.set(lastId, place);
      this.ids[place] = lastId;
      this.vectors.copyWithin(place * this.width, last * this.width, (last + 1) * this.width);
      this.reindex(place, true);
    }
  }

  /**
   * The nearest to any of the vectors of each group, by cosine. `asked` (n, width) holds those of one group after the other's, and `sizes` says how many
   * are whose. Between pieces of them `pause` lets others come in.
   */
  async nearest(asked: Float32Array, sizes: readonly number[], count: number, pause: () => Promise<void>): Promise<Found> {
    const groupOf = sizes.flatMap((size, group) => Array.from({ length: size }, () => group));
    // By id, for places change hands meanwhile.
    const best = sizes.map(() => new Map<string, number>());
    for (let at = 0; at < groupOf.length; at += SEARCHED_AT_ONCE) {
      if (at > 0) await pause();
      const upTo = Math.min(groupOf.length, at + SEARCHED_AT_ONCE);
      const piece = Array.from({ length: upTo - at }, (_, i) => unit(asked.subarray((at + i) * this.width, (at + i + 1) * this.width)));
      for (const [i, places] of this.near(piece, count).entries()) {
        const [vector, found] = [piece[i], best[groupOf[at + i] ?? 0]];
        if (!vector || !found) continue;
        for (const place of places) {
          const id = this.ids[place] ?? '';
          found.set(id, Math.max(found.get(id) ?? -1, cosine(vector, this.at(place))));
        }
      }
    }
    const groups = best.map((found) => {
      const sorted = [...found].sort(([, a], [, b]) => b - a).slice(0, count);
      return { customerIds: sorted.map(([id]) => id), similarities: Float32Array.from(sorted, ([, similarity]) => similarity) };
    });
    return { ...this.told, groups };
  }

  /**
   * Builds an index where there are too many to compare all and there is none, or too much has changed since it was built; in
   * short pieces between which `pause` lets others come in. The former one serves until then. Answers whether it built one.
   */
  async settle(pause: () => Promise<void>): Promise<boolean> {
    if (this.size <= this.exactUpTo) {
      this.index = undefined;
      this.search = { isExact: true, recall: 1, recallSample: 0, builtAt: 0, customers: 0 };
      return false;
    }
    if (this.building || (this.index && this.changed < this.size * REBUILD_AFTER_SHARE)) return false;
    const building = (this.building = { index: this.empty(), upTo: 0 });
    while (building.upTo < this.size) {
      const upTo = Math.min(this.size, building.upTo + ADDED_AT_ONCE);
      const keys = BigUint64Array.from({ length: upTo - building.upTo }, (_, i) => BigInt(building.upTo + i));
      building.index.add(keys, this.vectors.slice(building.upTo * this.width, upTo * this.width), 1);
      building.upTo = upTo;
      await pause();
    }
    this.building = undefined;
    this.index = building.index;
    this.changed = 0;
    this.search = { isExact: false, builtAt: Date.now(), customers: this.size, ...(await this.measured(pause)) };
    return true;
  }

  /** Share of the nearest that the index names, of customers evenly drawn. */
  async measured(pause: () => Promise<void>, nearest = MEASURED_NEAREST): Promise<Pick<Search, 'recall' | 'recallSample'>> {
    const sample = Math.min(MEASURED, this.size);
    let named = 0;
    let wanted = 0;
    for (let at = 0; at < sample; at++) {
      const vector = this.at(Math.floor((at * this.size) / sample)).slice();
      const [exact = []] = this.exact([vector], nearest);
      const found = new Set(this.ranked(vector, this.proposed(vector, nearest)).slice(0, nearest));
      named += exact.filter((place) => found.has(place)).length;
      wanted += exact.length;
      await pause();
    }
    return { recall: wanted === 0 ? 1 : named / wanted, recallSample: sample };
  }

  /** Places of the nearest to each of the vectors, or of who may be. */
  private near(vectors: readonly Float32Array[], count: number): number[][] {
    return this.index ? vectors.map((vector) => this.proposed(vector, count)) : this.exact(vectors, count);
  }

  private exact(vectors: readonly Float32Array[], count: number): number[][] {
    if (this.size === 0) return vectors.map(() => []);
    const asked = new Float32Array(vectors.length * this.width);
    for (const [at, vector] of vectors.entries()) asked.set(vector, at * this.width);
    const matches = usearch.exactSearch(this.vectors.subarray(0, this.size * this.width), asked, this.width, Math.min(count, this.size), usearch.MetricKind.IP, 1);
    return vectors.map((_, at) => Array.from(vectors.length === 1 ? (matches as Matches).keys : (matches as BatchMatches).get(at).keys, Number));
  }

  private proposed(vector: Float32Array, count: number): number[] {
    const wanted = Math.min(this.size, Math.max(PROPOSED_AT_LEAST, PROPOSED * count));
    const { keys } = this.index?.search(vector, wanted, 1) ?? { keys: new BigUint64Array() };
    return Array.from(keys, Number).filter((place) => place < this.size);
  }

  private ranked(vector: Float32Array, places: readonly number[]): number[] {
    return places.map((place) => [place, cosine(vector, this.at(place))] as const).sort(([, a], [, b]) => b - a).map(([place]) => place);
  }

  private at(place: number): Float32Array {
    return this.vectors.subarray(place * this.width, (place + 1) * this.width);
  }

  private reindex(place: number, isKnown: boolean): void {
    this.changed++;
    for (const index of this.indexesOf(place)) {
      if (isKnown) index.remove(BigInt(place));
      index.add(BigInt(place), this.at(place).slice(), 1);
    }
  }

  private unindex(place: number): void {
    this.changed++;
    for (const index of this.indexesOf(place)) index.remove(BigInt(place));
    if (this.building) this.building.upTo = Math.min(this.building.upTo, place);
  }

  /** Those that hold this place, or should: one that is being built comes by the later ones itself. */
  private indexesOf(place: number): Index[] {
    return [...(this.index ? [this.index] : []), ...(this.building && place < this.building.upTo ? [this.building.index] : [])];
  }

  private empty(): Index {
    return new usearch.Index({
      dimensions: this.width, metric: usearch.MetricKind.Cos, quantization: usearch.ScalarKind.I8, connectivity: LINKS,
      expansion_add: EFFORT_TO_ADD, expansion_search: EFFORT_TO_SEARCH, multi: false,
    });
  }

  private makeRoom(customers: number): void {
    if (customers * this.width <= this.vectors.length) return;
    const larger = new Float32Array(Math.max(customers, Math.ceil((this.vectors.length / this.width) * 1.5)) * this.width);
    larger.set(this.vectors);
    this.vectors = larger;
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : vector.slice();
}

/** Of units: -1..1; 0 where one of them is nothing. */
function cosine(one: Float32Array, other: Float32Array): number {
  let both = 0;
  for (let i = 0; i < one.length; i++) both += (one[i] ?? 0) * (other[i] ?? 0);
  return Math.max(-1, Math.min(1, both));
}
