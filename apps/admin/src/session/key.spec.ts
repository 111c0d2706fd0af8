import { forgetKey, keepKey, takeKey } from './key';

function slots(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { held: Map<string, string> } {
  const held = new Map<string, string>();
  return {
    held,
    getItem: (name) => held.get(name) ?? null,
    setItem: (name, value) => void held.set(name, value),
    removeItem: (name) => void held.delete(name),
  };
}

describe('the key', () => {
  it('is taken from the address, which then no longer shows it', () => {
    const kept = slots();
    const shown: string[] = [];
    const key = takeKey({ hash: '#key=ka_a%2Bb', pathname: '/admin/', search: '' }, kept, (address) => shown.push(address));
    expect(key).toBe('ka_a+b');
    expect(shown).toEqual(['/admin/#/']);
    expect(takeKey({ hash: '#/', pathname: '/admin/', search: '' }, kept, () => undefined)).toBe('ka_a+b');
  });

  it('is not found where an address only names a page', () => {
    const shown: string[] = [];
    expect(takeKey({ hash: '#/customers/key', pathname: '/admin/', search: '' }, slots(), (address) => shown.push(address))).toBeUndefined();
    expect(shown).toEqual([]);
  });

  it('is gone after signing out', () => {
    const kept = slots();
    keepKey(kept, 'ka_1');
    forgetKey(kept);
    expect(kept.held.size).toBe(0);
  });
});
