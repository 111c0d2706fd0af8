import { closestMatch } from 'leven';

/** A misspelling touches so much of a name; upper and lower case apart, which cost nothing. Two letters that changed places are two touched. */
const SLIPS_A_LETTER = 0.4;

/** For each name that nobody has, the known one that it may be a misspelling of; names without one are left out. */
export function nearestNames(wanted: readonly string[], known: readonly string[]): Map<string, string> {
  // Of names that differ in case alone, and of those that are as near, the first of the alphabet.
  const names = Map.groupBy(known.toSorted(), (name) => name.toLowerCase());
  const candidates = [...names.keys()];
  return new Map(wanted.flatMap((name) => {
    const nearest = closestMatch(name.toLowerCase(), candidates, { maxDistance: Math.max(1, Math.round(name.length * SLIPS_A_LETTER)) });
    const [found] = (nearest !== undefined && names.get(nearest)) || [];
    return found === undefined ? [] : [[name, found]];
  }));
}
