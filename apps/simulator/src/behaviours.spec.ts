import { BEHAVIOURS, DECK, NEWBORN, type Behaviour } from './behaviours.js';

const every: [string, Behaviour][] = [...BEHAVIOURS, NEWBORN].map((behaviour) => [behaviour.key, behaviour]);

describe.each(every)('%s', (_, behaviour) => {
  const visits = [...behaviour.orderVisits, ...behaviour.otherVisits];

  it('deals the same deck of events as every other behaviour', () => {
    expect(visits.flat().sort()).toEqual([...DECK].sort());
  });

  it('orders exactly once in a visit with an order, and never in another', () => {
    const orders = (visit: readonly string[]): number => visit.filter((event) => event === 'Order Completed').length;
    expect(behaviour.orderVisits.map(orders)).toEqual([1, 1]);
    expect(behaviour.otherVisits.map(orders)).toEqual([0, 0]);
  });
});

it('has a pair of behaviours that only the order within the visits tells apart', () => {
  const [leaving, regular] = ['leaving-subscribers', 'steady-regulars'].map((key) => BEHAVIOURS.find((one) => one.key === key));
  const bags = (visits: readonly (readonly string[])[] = []): string[][] => visits.map((visit) => [...visit].sort());
  expect(bags(leaving?.orderVisits)).toEqual(bags(regular?.orderVisits));
  expect(bags(leaving?.otherVisits)).toEqual(bags(regular?.otherVisits));
  expect(leaving?.orderVisits).not.toEqual(regular?.orderVisits);
  expect([leaving?.rhythm, leaving?.pace, leaving?.weekdays]).toEqual([regular?.rhythm, regular?.pace, regular?.weekdays]);
});
