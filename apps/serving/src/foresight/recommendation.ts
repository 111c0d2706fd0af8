import { foresight } from '#libs/contracts';

import { type Micros, MICROS_PER_SECOND } from '../time/micros.js';
import type { ItemTable } from './item.table.js';

/** What a customer took at one time: places of items, each once. */
export interface Basket {
  readonly at: Micros;
  readonly items: readonly number[];
}

export interface Recommended {
  readonly item: string;
  readonly score: number;
  readonly reason: foresight.RecommendationReason;
  readonly goesWith: string;
}

export interface RecommendationWish {
  readonly first: number;
  readonly excludeOwned: boolean;
}

const DAY = 86_400 * MICROS_PER_SECOND;
/* Scales on which logs are taken, as the worker's items/evidence.py has them. */
const GOES = 10;
const LATELY = 20;

const { BOUGHT_BEFORE, GOES_WITH, POPULAR, TASTE } = foresight.RecommendationReason;

/** Weighed evidence of every item, by reason. */
interface Weighed {
  readonly own: Float64Array;
  readonly goes: Float64Array;
  readonly popular: Float64Array;
  readonly taste: Float64Array;
}

/**
 * The items that a customer may take next, best first: the mixture of the worker's items/recommender.py, computed
 * alike. Baskets in order of time; `embedding` as the model read the customer.
 */
export function recommend(table: ItemTable, baskets: readonly Basket[], embedding: Float32Array, now: Micros, wish: RecommendationWish): Recommended[] {
  const weighed = weigh(table, baskets, embedding, now);
  const groups = [weighed.own, weighed.goes, weighed.popular, weighed.taste];
  const scores = Float64Array.from(table.words, (_, item) => groups.reduce((sum, group) => sum + (group[item] ?? 0), 0));
  const most = scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  const means = groups.map((group) => group.reduce((sum, value) => sum + value, 0) / group.length);
  const owned = new Set(baskets.flatMap(({ items }) => items));
  return best(scores, wish.first, wish.excludeOwned ? owned : new Set()).map((item) => {
    const companion = companionOf(table, item, owned);
    const leads = groups.map((group, at) => (group[item] ?? 0) - (means[at] ?? 0));
    const reason = reasonOf(leads, owned.has(item), companion !== undefined);
    return {
      item: table.words[item] ?? '',
      score: Math.exp((scores[item] ?? 0) - most) / total,
      reason,
      goesWith: reason === GOES_WITH ? (table.words[companion ?? -1] ?? '') : '',
    };
  });
}

function weigh(table: ItemTable, baskets: readonly Basket[], embedding: Float32Array, now: Micros): Weighed {
  const { words, weights: w, popular, repeat } = table;
  const count = words.length;
  const { ever, short, long } = counted(table, baskets, now);
  const last = new Set(baskets.at(-1)?.items);
  const goes = companionship(table, long);
  const taste = tasteOf(table, embedding);
  const own = new Float64Array(count);
  for (const [item, times] of ever) {
    own[item] =
      w.own +
      w.own_count * Math.log(times) +
      w.own_long * Math.log1p(long.get(item) ?? 0) +
      w.own_short * Math.log1p(LATELY * (short.get(item) ?? 0)) +
      (w.own_share * times) / baskets.length +
      (last.has(item) ? w.own_last : 0) +
      w.own_popular * (popular[item] ?? 0) +
      w.own_repeat * (repeat[item] ?? 0);
  }
  return {
    own,
    goes: goes.map((sum) => w.goes * Math.log1p(GOES * sum)),
    popular: Float64Array.from(words, (_, item) => w.popular_short * (popular[item] ?? 0) + w.popular_ever * (popular[count + item] ?? 0)),
    taste: taste.map((score) => w.taste * score),
  };
}

/** Of each item that was taken: in how many baskets, and the same fading within a short and a long time. */
function counted({ halfLifeDays: [shortLife, longLife] }: ItemTable, baskets: readonly Basket[], now: Micros) {
  const [ever, short, long] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
  for (const { at, items } of baskets) {
    const days = Math.max(0, now - at) / DAY;
    for (const item of items) {
      ever.set(item, (ever.get(item) ?? 0) + 1);
      short.set(item, (short.get(item) ?? 0) + 2 ** (-days / shortLife));
      long.set(item, (long.get(item) ?? 0) + 2 ** (-days / longLife));
    }
  }
  return { ever, short, long };
}

/** (W) how strongly each item goes with what was taken. */
function companionship({ words, neighbour, cosine }: ItemTable, taken: ReadonlyMap<number, number>): Float64Array {
  const sums = new Float64Array(words.length);
  const each = neighbour.length / words.length;
  for (const [item, weight] of taken) {
    for (let at = item * each; at < (item + 1) * each; at++) {
      const other = neighbour[at] ?? -1;
      if (other >= 0) sums[other] = (sums[other] ?? 0) + weight * (cosine[at] ?? 0);
    }
  }
  return sums;
}

/** (W) what the learned head says. */
function tasteOf({ words, taste: { mean, projection, vectors } }: ItemTable, embedding: Float32Array): Float64Array {
  if (embedding.length !== mean.length) throw new Error(`An embedding of ${embedding.length} numbers is none of a model whose items want ${mean.length}.`);
  const width = projection.length / mean.length;
  const own = new Float64Array(width);
  for (const [at, value] of embedding.entries()) {
    for (let to = 0; to < width; to++) own[to] = (own[to] ?? 0) + (value - (mean[at] ?? 0)) * (projection[at * width + to] ?? 0);
  }
  return Float64Array.from(words, (_, item) => own.reduce((sum, value, at) => sum + value * (vectors[item * width + at] ?? 0), 0));
}

/** Places of the best scores, best first; of equal ones the earlier. */
function best(scores: Float64Array, first: number, except: ReadonlySet<number>): number[] {
  const places = Array.from(scores.keys()).filter((item) => !except.has(item));
  return places.sort((one, other) => (scores[other] ?? 0) - (scores[one] ?? 0) || one - other).slice(0, first);
}

/** What sets the item apart most from the average one; in this order where two do alike. */
function reasonOf([own = 0, goes = 0, popular = 0, taste = 0]: readonly number[], isOwned: boolean, hasCompanion: boolean): foresight.RecommendationReason {
  const weighed: (readonly [foresight.RecommendationReason, number])[] = [
    ...(isOwned ? ([[BOUGHT_BEFORE, own]] as const) : []),
    ...(hasCompanion ? ([[GOES_WITH, goes]] as const) : []),
    [POPULAR, popular],
    [TASTE, taste],
  ];
  return weighed.reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

/** The owned item that names this one most strongly. */
function companionOf({ words, neighbour, cosine }: ItemTable, item: number, owned: ReadonlySet<number>): number | undefined {
  const each = neighbour.length / words.length;
  let [found, strength]: [number | undefined, number] = [undefined, 0];
  for (const other of [...owned].sort((one, another) => one - another)) {
    if (other === item) continue;
    const at = neighbour.subarray(other * each, (other + 1) * each).indexOf(item);
    const said = at === -1 ? 0 : (cosine[other * each + at] ?? 0);
    if (said > strength) [found, strength] = [other, said];
  }
  return found;
}
