import type { SentBasket } from './history.repository.js';
import type { ItemTable } from './item.table.js';
import type { Basket } from './recommendation.js';

/** Items read of one event, as the featuriser of the worker does. */
const MOST_ITEMS = 1_000;

/** What was sent, as places of items that the model knows, each once; without any of those it is no basket. */
export function toBaskets({ field, places }: Pick<ItemTable, 'field' | 'places'>, sent: readonly SentBasket[]): Basket[] {
  return sent.flatMap(({ at, items }) => {
    const known = new Set<number>();
    for (const item of Array.isArray(items) ? (items as unknown[]).filter(isObject).slice(0, MOST_ITEMS) : []) {
      const place = places.get(toWord(item[field]) ?? '');
      if (place !== undefined) known.add(place);
    }
    return known.size === 0 ? [] : [{ at, items: [...known].sort((one, other) => one - other) }];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As the worker's data/live.py writes a word: numbers and booleans as JSON has them. */
function toWord(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
