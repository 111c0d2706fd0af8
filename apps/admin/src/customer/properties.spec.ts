import { nameOf } from './name';
import { factsOf } from './properties';

describe('what is known of a customer', () => {
  it('is said in short facts, lists by their length', () => {
    expect(factsOf({ revenue: 12.5, coupon: null, products: [{ sku: 'a' }, { sku: 'b' }], note: '', member: false })).toEqual([
      { name: 'revenue', value: '12.5' },
      { name: 'products', value: '2 items' },
      { name: 'member', value: 'false' },
    ]);
    expect(factsOf({ text: 'x'.repeat(200) })[0]?.value).toHaveLength(60);
    expect(factsOf(null)).toEqual([]);
    expect(factsOf('a text')).toEqual([]);
  });

  it('has a name even without a user id', () => {
    expect(nameOf({ id: 'c-12345678', userId: 'u-1', anonymousIds: ['a-1'] })).toBe('u-1');
    expect(nameOf({ id: 'c-12345678', userId: null, anonymousIds: ['a-1'] })).toBe('a-1');
    expect(nameOf({ id: 'c-12345678', userId: null, anonymousIds: [] })).toBe('customer 12345678');
  });
});
