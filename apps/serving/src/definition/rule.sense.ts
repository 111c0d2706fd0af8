/*
 * Conditions that everybody or nobody meets, whatever anybody does: "at least 0 times", "at least 5 times and at most twice". It is told where such a thing begins, not of all
 * that follows from it, and only where it is certain: of much that is senseless nothing is said.
 */
import { definition } from '#libs/contracts';

import type { Condition } from './condition.js';

const { PropertyOperator: Operator } = definition;

type Verdict = 'always' | 'never';

/** Where a verdict begins: of the condition at the path, as it stands there. */
export interface Senseless {
  readonly path: string;
  readonly verdict: Verdict;
}

/** A condition without `not`: these are within, and what they turn round is turned round. */
type Node = Leaf | { readonly path: string; readonly isNegated: boolean; readonly join: 'all' | 'any'; readonly parts: readonly Node[] };
interface Leaf {
  readonly path: string;
  readonly isNegated: boolean;
  readonly leaf: Condition;
}

/** `learned`: ids of segments of which nobody is in two. */
export function senselessIn(condition: Condition, learned: ReadonlySet<string> = new Set()): Senseless[] {
  const found: Senseless[] = [];
  const tell = ({ path, isNegated }: Pick<Leaf, 'path' | 'isNegated'>, verdict: Verdict): Verdict => {
    found.push({ path, verdict: isNegated ? opposite(verdict) : verdict });
    return verdict;
  };
  const verdictOf = (node: Node): Verdict | undefined => {
    if ('leaf' in node) {
      const verdict = verdictOfLeaf(node.leaf);
      return verdict && tell(node, node.isNegated ? opposite(verdict) : verdict);
    }
    const { join, parts } = node;
    // What one part is enough for, and what all have to be.
    const [one, each]: [Verdict, Verdict] = join === 'all' ? ['never', 'always'] : ['always', 'never'];
    const verdicts = parts.map(verdictOf);
    if (verdicts.includes(one)) return one;
    if (verdicts.every((verdict) => verdict === each)) return each;
    // At least one of several is met where not all of their opposites can be.
    const leaves = leavesOf(node).map((leaf) => (join === 'all' ? leaf : { ...leaf, isNegated: !leaf.isNegated }));
    const isSenseless = leaves.some((leaf, at) => leaves.slice(at + 1).some((other) => exclude(leaf, other, learned) || exclude(other, leaf, learned)));
    return isSenseless ? tell(node, one) : undefined;
  };
  verdictOf(nodeOf(condition, 'condition', false));
  return found;
}

const opposite = (verdict: Verdict): Verdict => (verdict === 'always' ? 'never' : 'always');

function nodeOf(condition: Condition, path: string, isNegated: boolean): Node {
  const { all, any, not } = condition;
  if (not) return nodeOf(not, `${path}.not`, !isNegated);
  if (all.length + any.length === 0) return { path, isNegated, leaf: condition };
  const [join, parts] = all.length > 0 ? (['all', all] as const) : (['any', any] as const);
  const joined = join === 'all' ? !isNegated : isNegated;
  return { path, isNegated, join: joined ? 'all' : 'any', parts: parts.map((part, at) => nodeOf(part, `${path}.${join}[${at}]`, isNegated)) };
}

/** Of a join and of the like joins within it. */
function leavesOf(node: Extract<Node, { parts: unknown }>): Leaf[] {
  return node.parts.flatMap((part) => ('leaf' in part ? [part] : part.join === node.join ? leavesOf(part) : []));
}

function verdictOfLeaf({ performed }: Condition): Verdict | undefined {
  if (!performed || performed.sum) return undefined;
  const { atLeast = 0, atMost = Infinity, filters } = performed;
  if (atLeast === 0 && atMost === Infinity) return 'always';
  if (!areContrary(filters)) return undefined;
  return atLeast > 0 ? 'never' : 'always';
}

/** Nobody meets both. */
function exclude(one: Leaf, other: Leaf, learned: ReadonlySet<string>): boolean {
  const [a, b] = [one.leaf, other.leaf];
  if (a.memberOf !== '' && b.memberOf !== '') {
    if (a.memberOf.toLowerCase() === b.memberOf.toLowerCase()) return one.isNegated !== other.isNegated;
    return !one.isNegated && !other.isNegated && [a, b].every(({ memberOf }) => learned.has(memberOf.toLowerCase()));
  }
  if (a.attribute && b.attribute) {
    if (one.isNegated !== other.isNegated) return JSON.stringify(a.attribute) === JSON.stringify(b.attribute);
    return !one.isNegated && areContrary([a.attribute, b.attribute]);
  }
  if (!a.performed || !b.performed) return false;
  const [least, most] = [timesOf(one)?.atLeast ?? 0, timesOf(other)?.atMost ?? Infinity];
  return least > most && countsWithin(a.performed, b.performed);
}

/** How often at least and at most, with a `not` around it; undefined where that is no range. */
function timesOf({ isNegated, leaf: { performed } }: Leaf): { readonly atLeast: number; readonly atMost: number } | undefined {
  const { atLeast = 0, atMost = Infinity, sum } = performed ?? {};
  if (!isNegated) return { atLeast, atMost };
  if (sum) return undefined;
  if (atMost === Infinity) return { atLeast: 0, atMost: atLeast - 1 };
  return atLeast === 0 ? { atLeast: atMost + 1, atMost: Infinity } : undefined;
}

/** Whatever the first counts, the second counts too. */
function countsWithin(one: definition.PerformedEvent, other: definition.PerformedEvent): boolean {
  const days = ({ ever, withinDays }: definition.PerformedEvent) => (ever ? Infinity : withinDays);
  const held = one.filters.map((filter) => JSON.stringify(filter));
  return one.event === other.event && days(one) <= days(other) && other.filters.every((filter) => held.includes(JSON.stringify(filter)));
}

/** No event, and no customer, passes all of these. */
function areContrary(filters: readonly definition.PropertyFilter[]): boolean {
  return [...Map.groupBy(filters, ({ property }) => property).values()].some((ofOne) => {
    const given = (operator: definition.PropertyOperator) => ofOne.flatMap((filter) => (filter.operator === operator ? [JSON.parse(filter.value) as unknown] : []));
    const [equals, least, most] = [given(Operator.EQUALS), given(Operator.AT_LEAST) as number[], given(Operator.AT_MOST) as number[]];
    const [low, high] = [Math.max(-Infinity, ...least), Math.min(Infinity, ...most)];
    const isOutside = (value: unknown) => least.length + most.length > 0 && (typeof value !== 'number' || value < low || value > high);
    return low > high || new Set(equals).size > 1 || equals.some(isOutside);
  });
}
