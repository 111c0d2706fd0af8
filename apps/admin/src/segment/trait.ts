import { factor } from '../wording/figure';

interface Trait {
  label: string;
  lift: number;
}

/** A trait without its figures, where these stand beside it: "begin a visit by searching: 20 % (others 2 %)" -> "begin a visit by searching". */
export function traitInShort({ label }: Pick<Trait, 'label'>): string {
  return label.replace(/:\s[^:]*\d[^:]*$/, '');
}

/** Whether it compares by itself, so that a lift beside it would say the same again, or worse: "last seen 17 days ago (others 5 months) 9.4× less". */
export function comparesItself(trait: Pick<Trait, 'label'>): boolean {
  return /\bothers\b/.test(traitInShort(trait));
}

/** How much more or less of it there is: "15×", or "8.6× less". */
export function liftInShort({ lift }: Pick<Trait, 'lift'>): string {
  if (!Number.isFinite(lift)) return 'only here';
  if (lift <= 0) return 'none';
  return lift >= 1 ? factor(lift) : `${factor(1 / lift)} less`;
}

/** Whether a description says more than the traits that are shown with it. */
export function saysMore(description: string, traits: readonly Trait[]): boolean {
  const said = description.toLowerCase();
  return traits.length === 0 || !traits.every(({ label }) => said.includes(label.toLowerCase()));
}
