import { z } from 'zod';
import { BEHAVIOURS } from './behaviours.js';
import type { SegmentCall } from './segment-call.js';
import { generate, Shop } from './shop.js';
import { truthOf } from './truth.js';

const until = Date.parse('2026-06-01T00:00:00Z');
const small = { seed: 5, customers: 60, until };
const linesOf = (calls: Iterable<SegmentCall>): string[] => [...calls].map((call) => JSON.stringify(call));

describe('a history', () => {
  it('is the same for the same seed, to the last byte, and another for another seed', () => {
    expect(linesOf(generate(small))).toEqual(linesOf(generate(small)));
    expect(linesOf(generate({ ...small, seed: 6 }))).not.toEqual(linesOf(generate(small)));
  });

  it('comes in time order and ends where it is told to', () => {
    const times = [...generate({ ...small, anomalies: 0.2 })].map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(until);
  });

  it('uses no message id twice, also where anomalies are planted and behaviours drift', () => {
    const drift = until - 100 * 86_400_000;
    const ids = [...generate({ ...small, anomalies: 0.5, drift })].map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('leaves a customer’s life as it is when others join the shop', () => {
    const ours = (customers: number): string[] =>
      linesOf(generate({ ...small, customers })).filter((line) => line.includes('"shopper-000007"'));
    expect(ours(200)).toEqual(ours(10));
    expect(ours(10).length).toBeGreaterThan(10);
  });

  it('goes on after its end where it left off', () => {
    const shop = new Shop(small);
    const past = new Set([...shop.history()].map(({ messageId }) => messageId));
    const following = Array.from({ length: 100 }, () => shop.next());
    expect(following.every(({ timestamp }) => Date.parse(timestamp) >= until)).toBe(true);
    expect(following.some(({ messageId }) => past.has(messageId))).toBe(false);
  });

  it('refuses options that make no shop, and says which', () => {
    expect(() => generate({ ...small, customers: 0 }).next()).toThrow('customers');
    expect(() => generate({ ...small, noise: 2 }).next()).toThrow('noise');
  });
});

it('makes calls that Segment’s dialect knows', () => {
  const common = { messageId: z.string().min(1).max(100), timestamp: z.iso.datetime(), anonymousId: z.string().optional() };
  const product = z.strictObject({
    product_id: z.string(),
    name: z.string(),
    category: z.string(),
    brand: z.string(),
    price: z.number().positive(),
    quantity: z.int().positive(),
  });
  const property = z.union([z.string(), z.number(), z.boolean(), z.array(product).nonempty()]);
  const call = z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('identify'), userId: z.string(), traits: z.record(z.string(), z.string()), ...common }),
    z.strictObject({
      type: z.literal('track'),
      userId: z.string(),
      event: z.string(),
      properties: z.record(z.string(), property),
      ...common,
    }),
    z.strictObject({
      type: z.literal('page'),
      name: z.string(),
      properties: z.record(z.string(), property),
      ...common,
      anonymousId: z.string(),
    }),
  ]);
  const calls = [...generate({ ...small, anomalies: 0.3 })];
  for (const one of calls) expect(() => call.parse(one)).not.toThrow();
  expect(new Set(calls.map(({ type }) => type))).toEqual(new Set(['identify', 'track', 'page']));
});

it('says in an order’s revenue what its products add up to', () => {
  const orders = [...generate(small)].filter((call) => call.type === 'track' && call.event === 'Order Completed');
  for (const order of orders) {
    const { revenue, products } = z
      .object({ revenue: z.number(), products: z.array(z.object({ price: z.number(), quantity: z.number() })) })
      .parse(order.type === 'track' ? order.properties : {});
    expect(products.reduce((sum, { price, quantity }) => sum + price * quantity, 0)).toBeCloseTo(revenue, 1);
  }
});

describe('the behaviours', () => {
  const options = { seed: 11, customers: 1500, until, noise: 0 };
  const behaviourOf = new Map(truthOf(options).customers.map(({ userId, behaviour }) => [userId, behaviour]));
  const tally = new Map<string, Tally>();
  for (const call of generate(options)) {
    if (call.type !== 'track') continue;
    const mine = tally.get(call.userId) ?? { all: 0, orders: 0, views: 0, coupons: 0, spend: 0, lastOrder: 0 };
    tally.set(call.userId, mine);
    mine.all += 1;
    if (call.event === 'Product Viewed') mine.views += 1;
    if (call.event === 'Coupon Applied') mine.coupons += 1;
    if (call.event !== 'Order Completed') continue;
    mine.orders += 1;
    mine.spend += Number(call.properties.revenue);
    mine.lastOrder = Date.parse(call.timestamp);
  }

  it.each([
    ['events', 0.1, ({ all }: Tally) => all],
    ['orders', 0.1, ({ orders }: Tally) => orders],
    ['views', 0.2, ({ views }: Tally) => views],
    ['coupons', 0.1, ({ coupons }: Tally) => coupons],
    ['spend', 0.15, ({ spend }: Tally) => spend],
    ['days since the last order', 0.2, ({ lastOrder }: Tally) => (until - lastOrder) / 86_400_000],
  ])('have the same %s on average, within a share of %d', (_, share, read) => {
    const means = BEHAVIOURS.map(({ key }) => {
      const values = [...tally].filter(([userId]) => behaviourOf.get(userId) === key).map(([, mine]) => read(mine));
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const whole = means.reduce((sum, mean) => sum + mean, 0) / means.length;
    for (const mean of means) expect(Math.abs(mean / whole - 1)).toBeLessThan(share);
  });
});

interface Tally {
  all: number;
  orders: number;
  views: number;
  coupons: number;
  spend: number;
  lastOrder: number;
}
