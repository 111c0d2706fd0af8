/*
 * A region around some examples in a model's space. How close somebody is: how much of the examples lies beside them, beside how
 * much of everyone does. Both densities are sums of Gaussian kernels of one width, so that examples of several kinds make
 * several patches, and nothing is learned that would need many of them. Of the ways that were tried on five, twenty and a
 * hundred examples (distance to their mean, plain or whitened; a linear score; the nearest by cosine; kernels), this one held out
 * best over lists and areas of the map together.
 */

/** Embeddings, (n, width), and what was measured of them when it was drawn. */
export interface Region {
  readonly width: number;
  readonly points: Float32Array;
  /** Customers who stand for all. */
  readonly crowd: Float32Array;
  /** Squared distance over which a kernel falls by e. */
  readonly reach: number;
  /** Density of the crowd where it is highest, and share of a typical example. */
  readonly densest: number;
  readonly usual: number;
}

/** Directions in which the embeddings of customers vary about alike: their spectrum falls steeply. */
const DIRECTIONS = 8;
/** Of the density where it is highest: where there is next to nobody at all, nobody is close. */
const FLOOR = 1e-3;
/** Whoever is in it stays until so much less close than the threshold. */
export const STAYS_ABOVE = 0.85;
/** A typical example has half the closeness that there is; half as much of the examples beside one makes a third. */
export const USUAL_THRESHOLD = 1 / 3;

/** A region around the points, and how close each of them is to one drawn from all others. */
export function drawRegion(points: Float32Array, crowd: Float32Array, width: number): { region: Region; heldOut: number[] } {
  const reach = (2 * varianceOf(crowd, width)) / DIRECTIONS || 1;
  const rows = (vectors: Float32Array) => Array.from({ length: vectors.length / width }, (_, at) => vectors.subarray(at * width, (at + 1) * width));
  const densest = Math.max(1e-30, ...rows(crowd).map((row) => density(crowd, row, reach)));
  const count = points.length / width;
  // An example lies beside itself, which says nothing of it.
  const shares = rows(points).map((row) => {
    const beside = count > 1 ? (density(points, row, reach) * count - 1) / (count - 1) : 1;
    return Math.max(0, beside) / (density(crowd, row, reach) + FLOOR * densest);
  });
  const usual = Math.max(1e-30, medianOf(shares));
  return { region: { width, points, crowd, reach, densest, usual }, heldOut: shares.map((share) => share / (share + usual)) };
}

/** 0..1; half where a typical example is. */
export function closeness({ points, crowd, reach, densest, usual }: Region, vector: Float32Array): number {
  const share = density(points, vector, reach) / (density(crowd, vector, reach) + FLOOR * densest);
  return share / (share + usual);
}

/** Mean of the kernels around the vectors; 0 where there are none. */
function density(vectors: Float32Array, vector: Float32Array, reach: number): number {
  const width = vector.length;
  let sum = 0;
  for (let from = 0; from < vectors.length; from += width) {
    let squared = 0;
    for (let i = 0; i < width; i++) squared += ((vectors[from + i] ?? 0) - (vector[i] ?? 0)) ** 2;
    sum += Math.exp(-squared / reach);
  }
  return vectors.length === 0 ? 0 : (sum * width) / vectors.length;
}

/** Hysteresis: at the border nobody flickers. */
export function isInside(close: number, threshold: number, isMember: boolean): boolean {
  return close >= (isMember ? threshold * STAYS_ABOVE : threshold);
}

export function vectorOf(embedding: Buffer): Float32Array {
  return Float32Array.from({ length: Math.floor(embedding.length / 4) }, (_, i) => embedding.readFloatLE(i * 4));
}

/** Sum over the width. */
function varianceOf(vectors: Float32Array, width: number): number {
  const count = vectors.length / width;
  let sum = 0;
  for (let i = 0; i < width; i++) {
    let [mean, squares] = [0, 0];
    for (let at = i; at < vectors.length; at += width) {
      mean += (vectors[at] ?? 0) / count;
      squares += (vectors[at] ?? 0) ** 2 / count;
    }
    sum += Math.max(0, squares - mean ** 2);
  }
  return sum;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2;
}
