import { HOUR, MINUTE, type ShopOptions } from './options.js';
import type { Profile } from './profile.js';
import { drawsOf, type Draws } from './random.js';
import type { Properties } from './segment-call.js';

export type AnomalyKind = 'card-testing' | 'bot-flood' | 'account-takeover';

/** One of the events of an anomaly: it comes on top of what the customer does otherwise. */
export interface StrangeMoment {
  time: number;
  event: string;
  properties: Properties;
}

export interface Anomaly {
  kind: AnomalyKind;
  moments: StrangeMoment[];
}

const KINDS: readonly AnomalyKind[] = ['card-testing', 'bot-flood', 'account-takeover'];

/** The anomaly planted on a customer, where there is one; it lies in the later half of the customer's history. */
export function anomalyOf(profile: Profile, options: ShopOptions): Anomaly | null {
  const draws = drawsOf(options.seed, profile.index, 'anomaly');
  if (!draws.chance(options.anomalies)) return null;
  const kind = draws.pick(KINDS);
  const begin = Math.round(draws.between((profile.start + options.until) / 2, options.until - HOUR));
  return { kind, moments: MAKERS[kind](begin, draws) };
}

const MAKERS: Record<AnomalyKind, (begin: number, draws: Draws) => StrangeMoment[]> = {
  'card-testing': (begin, draws) =>
    burst(begin, 20 + Math.floor(draws.uniform() * 20), 8_000, draws, () => ({
      event: 'Payment Info Entered',
      properties: {
        payment_method: 'card',
        card_last4: String(1000 + Math.floor(draws.uniform() * 9000)),
        accepted: draws.chance(0.05),
      },
    })),
  'bot-flood': (begin, draws) =>
    burst(begin, 80 + Math.floor(draws.uniform() * 80), 1_200, draws, () => ({
      event: 'Product Viewed',
      properties: { product_id: `p-${String(1 + Math.floor(draws.uniform() * 400)).padStart(4, '0')}`, currency: 'EUR' },
    })),
  'account-takeover': (begin, draws) =>
    burst(begin, 6 + Math.floor(draws.uniform() * 4), 2 * MINUTE, draws, (place) =>
      place % 2 === 0
        ? { event: 'Coupon Applied', properties: { coupon_id: 'coupon-1', discount: 15, currency: 'EUR' } }
        : { event: 'Order Completed', properties: { revenue: Math.round(draws.between(400, 1500)), currency: 'EUR' } },
    ),
};

function burst(
  begin: number,
  size: number,
  meanGap: number,
  draws: Draws,
  make: (place: number) => Omit<StrangeMoment, 'time'>,
): StrangeMoment[] {
  let time = begin;
  return Array.from({ length: size }, (_, place) => {
    time += Math.max(1, Math.round(draws.exponential(meanGap)));
    return { time, ...make(place) };
  });
}
