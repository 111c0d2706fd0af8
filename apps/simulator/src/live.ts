import { setInterval } from 'node:timers/promises';
import { postBatch, type Acknowledged, type Destination } from './deliver.js';
import type { SegmentCall } from './segment-call.js';
import type { Shop } from './shop.js';

const TICK = 250;
const LARGEST_BATCH = 500;
/** Customers have a number each: whoever moves in gets one by the time, so that a shop that is opened again takes in others. */
const NUMBER_EVERY_MS = 100;

/**
 * Keeps the shop open at so many events a second until the signal is given. Its customers live on, each at their own time, which is
 * seldom: the rest are the pasts of others who move in, one after another, up to now. Nobody's time is compressed, so that everybody
 * stays who they are.
 */
export async function trickle(
  shop: Shop,
  rate: number,
  destination: Destination,
  signal: AbortSignal,
  acknowledged: Acknowledged = () => undefined,
): Promise<number> {
  const newcomers = movingIn(shop);
  const origin = performance.now();
  let total = 0;
  try {
    for await (const _ of setInterval(TICK, undefined, { signal })) {
      const count = Math.floor(((performance.now() - origin) / 1000) * rate) - total;
      const batch = Array.from({ length: Math.min(count, LARGEST_BATCH) }, () => shop.due(Date.now()) ?? newcomers.next().value);
      if (batch.length === 0) continue;
      await postBatch(batch, destination, signal);
      total += batch.length;
      acknowledged(total);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return total;
}

function* movingIn(shop: Shop): Generator<SegmentCall, never> {
  for (let number = Math.floor(Date.now() / NUMBER_EVERY_MS); ; number += 1) yield* shop.moveIn(number, Date.now());
}
