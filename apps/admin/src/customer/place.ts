import type { SegmentKind } from '../gen/graphql';

interface Membership {
  segment: { kind: SegmentKind };
}

/** Where the model places a customer, of all segments that they are in. What people define stands behind it, and alone where no segment of the model fits. */
export function placeOf<One extends Membership>(memberships: readonly One[]): One | undefined {
  return memberships.find(({ segment }) => segment.kind === 'LEARNED');
}

/** The segments that people defined, of all that a customer is in. */
export function besidesOf<One extends Membership>(memberships: readonly One[]): One[] {
  return memberships.filter(({ segment }) => segment.kind !== 'LEARNED');
}

interface Move<Segment> {
  from: Segment | null;
  to: Segment | null;
}

/** A move in words. Whoever leaves what people define is not placed anew by it: nothing is said of where the model has them. */
export function moveOf<Segment extends { name: string; kind: SegmentKind }>({ from, to }: Move<Segment>): { segment: Segment | null; words: string } {
  const segment = to ?? from;
  if (segment && segment.kind !== 'LEARNED') return { segment, words: to ? 'came in' : 'left' };
  return { segment: to, words: from ? `from ${from.name}` : 'from no segment' };
}
