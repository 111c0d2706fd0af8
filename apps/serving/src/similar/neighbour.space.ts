/*
 * Everyone whom one model has read, by their embeddings: who lies nearest, and how near. It imports nothing of ours, for it
 * is what the thread of neighbours runs, from source as well as compiled.
 */
import usearch, { type Index } from 'usearch';

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

export interface Found extends Search {
  readonly customerIds: string[];
  /** Cosine of each to the nearest of what was asked for, -1..1, highest first. */
  readonly similarities: Float32Array;
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
const MEASURED = 200;
const MEASURED_NEAREST = 10;
const FIRST_CAPACITY = 1_024;
/** From here on those added last lie less well in the graph than they could. */
const REBUILD_AFTER_SHARE = 0.5;

export class Space {
  /** By place; the places are 0 to size - 1, without gaps. */
  private ids: string[] = [];
  private readonly places = new Map<string, number>();
  /** (capacity, width), as the model gave them. */
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
      const vector = vectors.subarray(at * this.width, (at + 1) * this.width);
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

  /** The nearest to any of the vectors (n, width), by cosine. */
  nearest(asked: Float32Array, count: number): Found {
    const best = new Map<number, number>();
    for (let at = 0; at < asked.length; at += this.width) {
      const vector = asked.slice(at, at + this.width);
      for (const place of this.index ? this.proposed(vector, count) : this.exact(vector, count)) {
        best.set(place, Math.max(best.get(place) ?? -1, cosine(vector, this.at(place))));
      }
    }
    const sorted = [...best].sort(([, a], [, b]) => b - a).slice(0, count);
    return { ...this.told, customerIds: sorted.map(([place]) => this.ids[place] ?? ''), similarities: Float32Array.from(sorted, ([, similarity]) => similarity) };
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
      building.index.add(keys, this.units(building.upTo, upTo), 1);
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
      const exact = this.exact(vector, nearest);
      const found = new Set(this.ranked(vector, this.proposed(vector, nearest)).slice(0, nearest));
      named += exact.filter((place) => found.has(place)).length;
      wanted += exact.length;
      await pause();
    }
    return { recall: wanted === 0 ? 1 : named / wanted, recallSample: sample };
  }

  private exact(vector: Float32Array, count: number): number[] {
    if (this.size === 0) return [];
    const matches = usearch.exactSearch(this.vectors.subarray(0, this.size * this.width), vector, this.width, Math.min(count, this.size), usearch.MetricKind.Cos, 1);
    return Array.from((matches as { keys: BigUint64Array }).keys, Number);
  }

  private proposed(vector: Float32Array, count: number): number[] {
    const wanted = Math.min(this.size, Math.max(PROPOSED_AT_LEAST, PROPOSED * count));
    const { keys } = this.index?.search(unit(vector), wanted, 1) ?? { keys: new BigUint64Array() };
    return Array.from(keys, Number).filter((place) => place < this.size);
  }

  private ranked(vector: Float32Array, places: readonly number[]): number[] {
    return places.map((place) => [place, cosine(vector, this.at(place))] as const).sort(([, a], [, b]) => b - a).map(([place]) => place);
  }

  private at(place: number): Float32Array {
    return this.vectors.subarray(place * this.width, (place + 1) * this.width);
  }

  private units(from: number, to: number): Float32Array {
    const units = new Float32Array((to - from) * this.width);
    for (let place = from; place < to; place++) units.set(unit(this.at(place)), (place - from) * this.width);
    return units;
  }

  private reindex(place: number, isKnown: boolean): void {
    this.changed++;
    for (const index of this.indexesOf(place)) {
      if (isKnown) index.remove(BigInt(place));
      index.add(BigInt(place), unit(this.at(place)), 1);
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

/** -1..1; 0 where one of them is nothing. */
function cosine(one: Float32Array, other: Float32Array): number {
  let [both, a, b] = [0, 0, 0];
  for (let i = 0; i < one.length; i++) {
    const [x, y] = [one[i] ?? 0, other[i] ?? 0];
    both += x * y;
    a += x * x;
    b += y * y;
  }
  return a > 0 && b > 0 ? Math.max(-1, Math.min(1, both / Math.sqrt(a * b))) : 0;
}
