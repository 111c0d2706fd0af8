import type { EventType } from '../gen/graphql';
import { namesOf } from './names';

const event = (name: string, properties: unknown, type: EventType = 'TRACK') => ({ type, name, properties });
const names = namesOf({
  model: { id: 'm', profile: { mainEvents: ['Order Completed', 'Refunded'], properties: [{ name: 'revenue' }, { name: 'reason' }, { name: 'products.price' }] } },
  trackingPlan: { events: [{ event: 'Trial Started', schema: { properties: { plan: { type: 'string' }, seats: {}, code: { type: ['string', 'null'] }, address: { type: 'object' }, parts: { type: ['array', 'object'] } } } }] },
  customers: {
    nodes: [
      { id: '1', attributes: { plan: 'gold', address: { city: 'Rome' }, isStaff: false }, events: { nodes: [event('Order Completed', { revenue: 3, products: [] }), event('Support Contacted', { topic: 'delivery' }), event('identify', { plan: 'gold' }, 'IDENTIFY')] } },
      { id: '2', attributes: { plan: null, age: 40 }, events: { nodes: [event('Order Completed', { coupon: 'MAY' }), event('Page Viewed', { path: '/' }, 'PAGE')] } },
    ],
  },
});

it('names come from the model, the plan and what some customers did, each once', () => {
  expect(names.events).toEqual(['Order Completed', 'Page Viewed', 'Refunded', 'Support Contacted', 'Trial Started']);
  expect(names.attributes).toEqual(['age', 'isStaff', 'plan']);
});

it('an event has the properties that it carries or is declared with, and no others', () => {
  expect(names.propertiesOf('Order Completed')).toEqual(['coupon', 'revenue']);
  expect(names.propertiesOf('Trial Started')).toEqual(['code', 'plan', 'seats']);
  expect(names.propertiesOf('Page Viewed')).toEqual(['path']);
});

it('one that nothing is known of has what any carries, and what identify says of customers is none of it', () => {
  expect(names.propertiesOf('Refunded')).toEqual(['code', 'coupon', 'path', 'plan', 'reason', 'revenue', 'seats', 'topic']);
  expect(names.propertiesOf('')).not.toContain('isStaff');
});

it('there are none before anything came', () => {
  const none = namesOf({ model: null, trackingPlan: { events: [] }, customers: { nodes: [] } });
  expect([none.events, none.propertiesOf('Order Completed'), none.attributes]).toEqual([[], [], []]);
});
