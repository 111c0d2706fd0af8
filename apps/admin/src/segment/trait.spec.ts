import { comparesItself, liftInShort, saysMore, traitInShort } from './trait';

const opening = { label: 'begin a visit by searching: 20 % (others 2 %)', lift: 9.8 };
const closing = { label: 'end a visit by ordering: 4 % (others 39 %)', lift: 0.1 };

describe('a trait', () => {
  it('is said without its figures where these stand beside it', () => {
    expect(traitInShort(opening)).toBe('begin a visit by searching');
    expect(traitInShort({ label: 'orders 3.1 times as often as others' })).toBe('orders 3.1 times as often as others');
    expect(traitInShort({ label: 'country: Germany' })).toBe('country: Germany');
  });

  it('has no lift beside it where it compares by itself', () => {
    const labels = ['last seen 17 days ago (others 5 months)', 'orders 3.1 times as often as others', opening.label, 'country: Germany'];
    expect(labels.map((label) => comparesItself({ label }))).toEqual([true, true, false, false]);
  });

  it('says how much more or less there is of it', () => {
    expect([9.8, 47.2, 0.1, 0, Number.POSITIVE_INFINITY].map((lift) => liftInShort({ lift }))).toEqual(['9.8×', '47×', '10× less', 'none', 'only here']);
  });

  it('is not said twice where the description is made of the traits', () => {
    expect(saysMore('Begin a visit by searching: 20 % (others 2 %). End a visit by ordering: 4 % (others 39 %).', [opening, closing])).toBe(false);
    expect(saysMore('They look before they buy.', [opening, closing])).toBe(true);
    expect(saysMore('Everybody else.', [])).toBe(true);
  });
});
