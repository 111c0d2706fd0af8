import type { SegmentKind } from '../gen/graphql';

/** How a segment came to be, in words. */
export const KINDS: Readonly<Record<SegmentKind, string>> = {
  LEARNED: 'Found by a model',
  RULE: 'Whoever meets a rule',
  EXAMPLE: 'Whoever is like some customers',
  STATIC: 'A fixed list',
};
