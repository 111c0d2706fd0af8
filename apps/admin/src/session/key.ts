// The key is asked for once and lives as long as the tab: never in localStorage, never in an address that could be shared.
const SLOT = 'kindred.key';

type Place = Pick<Location, 'hash' | 'pathname' | 'search'>;
type Slots = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

function broughtBy(place: Pick<Place, 'hash'>): string | undefined {
  return new URLSearchParams(place.hash.replace(/^#\/?/, '')).get('key')?.trim() || undefined;
}

export function bringsKey(place: Pick<Place, 'hash'>): boolean {
  return broughtBy(place) !== undefined;
}

/**
 * The key that the address brings (`#key=…`, so that a terminal can print a link that signs in), else the one kept from before.
 * A key in the address is taken out of it at once: `replace` gets the address to show instead.
 */
export function takeKey(place: Place, slots: Slots, replace: (address: string) => void): string | undefined {
  const brought = broughtBy(place);
  if (brought) {
    replace(`${place.pathname}${place.search}#/`);
    keepKey(slots, brought);
    return brought;
  }
  return slots.getItem(SLOT) ?? undefined;
}

export function keepKey(slots: Slots, key: string): void {
  slots.setItem(SLOT, key);
}

export function forgetKey(slots: Slots): void {
  slots.removeItem(SLOT);
}
