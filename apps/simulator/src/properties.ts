import { createHash } from 'node:crypto';
import type { Moment } from './moments.js';
import type { Draws } from './random.js';
import type { Product, Properties } from './segment-call.js';

const CATEGORIES = ['Books', 'Garden', 'Kitchen', 'Toys', 'Sports', 'Home', 'Beauty', 'Gifts'] as const;
const BRANDS = ['Alder', 'Birch', 'Cedar', 'Dogwood', 'Elm', 'Fir'] as const;
const PRODUCTS = 400;
const CURRENCY = 'EUR';

/** Properties of an event. What they hold depends on chance and on the customer's purse, never on the behaviour. */
export function propertiesOf({ event }: Moment, messageId: string, spend: number, draws: Draws): Properties {
  switch (event) {
    case 'Product Viewed':
    case 'Product Added':
    case 'Product Added to Wishlist':
      return { ...productOf(draws), currency: CURRENCY };
    case 'Promotion Viewed':
      return {
        promotion_id: `promo-${Math.floor(draws.uniform() * 12) + 1}`,
        position: draws.pick(['home', 'email', 'category']),
      };
    case 'Coupon Applied':
      return {
        coupon_id: `coupon-${Math.floor(draws.uniform() * 8) + 1}`,
        discount: draws.pick([5, 10, 15]),
        currency: CURRENCY,
      };
    case 'Products Searched':
      return { query: draws.pick(CATEGORIES).toLowerCase() };
    case 'Support Contacted':
      return { channel: draws.pick(['chat', 'email', 'phone']), topic: draws.pick(['delivery', 'product', 'billing']) };
    case 'Subscription Skipped':
      return { reason: draws.pick(['travelling', 'price', 'too much', 'none']) };
    case 'Order Completed':
      return { order_id: orderIdOf(messageId), ...basketOf(draws.logNormal(spend, 0.35), draws), currency: CURRENCY };
    case 'Order Refunded':
      return { order_id: orderIdOf(messageId), total: cents(draws.logNormal(spend, 0.35)), currency: CURRENCY };
  }
}

function orderIdOf(messageId: string): string {
  return createHash('sha256').update(messageId).digest('hex').slice(0, 12);
}

function productOf(draws: Draws): Omit<Product, 'quantity'> {
  const number = Math.floor(draws.uniform() * PRODUCTS);
  return {
    product_id: `p-${String(number + 1).padStart(4, '0')}`,
    name: `${BRANDS[number % BRANDS.length] ?? ''} no. ${number + 1}`,
    category: CATEGORIES[number % CATEGORIES.length] ?? '',
    brand: BRANDS[number % BRANDS.length] ?? '',
    price: 3 + ((number * 37) % 60),
  };
}

/** One to four lines whose values add up to the revenue. */
function basketOf(value: number, draws: Draws): { revenue: number; products: Product[] } {
  const shares = Array.from({ length: 1 + Math.floor(draws.uniform() * 4) }, () => draws.between(0.5, 1.5));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const products = shares.map((share) => {
    const product = productOf(draws);
    const worth = (value * share) / whole;
    const quantity = Math.max(1, Math.round(worth / product.price));
    return { ...product, quantity, price: cents(worth / quantity) };
  });
  return { revenue: cents(products.reduce((sum, { price, quantity }) => sum + price * quantity, 0)), products };
}

function cents(value: number): number {
  return Math.round(value * 100) / 100;
}
