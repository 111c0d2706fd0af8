import { setInterval } from 'node:timers/promises';
import { postBatch, type Acknowledged, type Destination } from './deliver.js';
import type { SegmentCall } from './segment-call.js';
import type { Shop } from './shop.js';

const TICK = 250;
const LARGEST_BATCH = 500;

/**
 * Keeps the customers' lives going at so many events a second until the signal is given. Time is compressed: what a
 * customer would do next comes next, in the same order, but now. Message ids carry the time the trickle began, since
 * a trickle that is started again tells of new events and not of the old ones once more.
 */
export async function trickle(
  shop: Shop,
  rate: number,
  destination: Destination,
  signal: AbortSignal,
  acknowledged: Acknowledged = () => undefined,
): Promise<number> {
  const begun = Date.now();
  const origin = performance.now();
  let total = 0;
  try {
    for await (const _ of setInterval(TICK, undefined, { signal })) {
      const due = Math.floor(((performance.now() - origin) / 1000) * rate) - total;
      const batch = Array.from({ length: Math.min(due, LARGEST_BATCH) }, () => happeningNow(shop.next(), begun));
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

function happeningNow(call: SegmentCall, begun: number): SegmentCall {
  return { ...call, timestamp: new Date().toISOString(), messageId: `${call.messageId}-live-${begun.toString(36)}` };
}
