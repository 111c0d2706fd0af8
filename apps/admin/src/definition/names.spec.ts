import { namesOf } from './names';

const event = (name: string, properties: unknown) => ({ name, properties });

it('names come from the model, the plan and what some customers did, each once', () => {
  const names = namesOf({
    model: { id: 'm', profile: { mainEvents: ['Order Completed'], properties: [{ name: 'revenue' }, { name: 'products.price' }] } },
    trackingPlan: { events: [{ event: 'Trial Started' }] },
    customers: {
      nodes: [
        { id: '1', attributes: { plan: 'gold', address: { city: 'Rome' }, isStaff: false }, events: { nodes: [event('Order Completed', { revenue: 3, products: [] }), event('Support Contacted', { topic: 'delivery' })] } },
        { id: '2', attributes: { plan: null, age: 40 }, events: { nodes: [] } },
      ],
    },
  });
  expect(names).toEqual({ events: ['Order Completed', 'Support Contacted', 'Trial Started'], properties: ['revenue', 'topic'], attributes: ['age', 'isStaff', 'plan'] });
});

it('there are none before anything came', () => {
  expect(namesOf({ model: null, trackingPlan: { events: [] }, customers: { nodes: [] } })).toEqual({ events: [], properties: [], attributes: [] });
});
