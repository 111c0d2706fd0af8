import type { SegmentKind } from '../gen/graphql';
import { besidesOf, moveOf, placeOf } from './place';

interface Segment {
  name: string;
  kind: SegmentKind;
}
const learned: Segment = { name: 'Coupon-first buyers', kind: 'LEARNED' };
const other: Segment = { name: 'Cart-first buyers', kind: 'LEARNED' };
const list: Segment = { name: 'VIPs', kind: 'STATIC' };

it('a customer stands where the model places them, whatever lists they are on', () => {
  const memberships = [{ segment: list }, { segment: learned }];
  expect(placeOf(memberships)).toEqual({ segment: learned });
  expect(besidesOf(memberships)).toEqual([{ segment: list }]);
  expect(placeOf([{ segment: list }])).toBeUndefined();
});

it.each([
  [{ from: learned, to: other }, { segment: other, words: 'from Coupon-first buyers' }],
  [{ from: null, to: other }, { segment: other, words: 'from no segment' }],
  [{ from: learned, to: null }, { segment: null, words: 'from Coupon-first buyers' }],
  [{ from: null, to: list }, { segment: list, words: 'came in' }],
  [{ from: list, to: null }, { segment: list, words: 'left' }],
])('the move %j is told of the segment that it is of', (move, told) => {
  expect(moveOf(move)).toEqual(told);
});
