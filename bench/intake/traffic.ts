/** Events as a shop's SDKs send them: 300 to 500 bytes of properties and context, 20,000 customers, the last 28 days. */
const CUSTOMERS = 20_000;
const DAYS = 28;
const NAMES = ['Product Viewed', 'Product List Viewed', 'Product Added', 'Coupon Applied', 'Order Completed'];
const CONTEXT = { library: { name: '@segment/analytics-node', version: '3.1.0' }, page: { path: '/products', referrer: 'https://shop.example/' } };

export interface BenchEvent {
  type: 'track';
  event: string;
  userId: string;
  anonymousId: string;
  messageId: string;
  timestamp: string;
  properties: Record<string, unknown>;
  context: typeof CONTEXT;
}

/** The event of a number, always the same within a run; `run` keeps message ids of several loads apart. */
export function eventOf(run: string, number: number): BenchEvent {
  const customer = (number * 7919) % CUSTOMERS;
  return {
    type: 'track',
    event: NAMES[number % NAMES.length] ?? '',
    userId: `customer-${customer}`,
    anonymousId: `device-${customer}`,
    messageId: `node-${run}-${number}-2f1c7a90-5b1e-4d59`,
    timestamp: new Date(EPOCH - ((number * 104_729) % (DAYS * 86_400)) * 1_000).toISOString(),
    properties: { product_id: `p-${number % 5_000}`, sku: `sku-${number % 900}`, category: 'Shoes', price: (number % 20_000) / 100, quantity: 1 + (number % 3), currency: 'USD', position: number % 40 },
    context: CONTEXT,
  };
}

const EPOCH = Date.now();

/** Months that such events lie in, "2026-05". */
export function months(): string[] {
  const days = Array.from({ length: DAYS + 1 }, (_, day) => new Date(EPOCH - day * 86_400_000).toISOString().slice(0, 7));
  return [...new Set(days)];
}
