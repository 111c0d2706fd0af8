import { CLEAR, place, type Placed, UNSEEN } from './assignment.rule.js';

const inZero: Placed = { segmentIndex: 0, strength: 0.7, candidateIndex: null };

test('a first reading places the customer, however weak it is', () => {
  expect(place(undefined, { segmentIndex: 2, strength: 0.1 })).toEqual({ segmentIndex: 2, strength: 0.1, candidateIndex: null });
});

test('a clear reading moves the customer at once', () => {
  expect(place(inZero, { segmentIndex: 1, strength: CLEAR }).segmentIndex).toBe(1);
});

test('a weak reading in another segment moves nobody, and the strength that is told falls to what is left', () => {
  expect(place(inZero, { segmentIndex: 1, strength: 0.5 })).toEqual({ segmentIndex: 0, strength: 0.5, candidateIndex: 1 });
});

test('two weak readings in a row that agree move the customer', () => {
  const held = place(inZero, { segmentIndex: 1, strength: 0.4 });
  expect(place(held, { segmentIndex: 1, strength: 0.4 })).toEqual({ segmentIndex: 1, strength: 0.4, candidateIndex: null });
});

test('weak readings that disagree with one another do not add up', () => {
  const held = place(place(inZero, { segmentIndex: 1, strength: 0.4 }), { segmentIndex: 2, strength: 0.4 });
  expect(held).toMatchObject({ segmentIndex: 0, candidateIndex: 2 });
  expect(place(held, { segmentIndex: 0, strength: 0.6 })).toEqual({ segmentIndex: 0, strength: 0.6, candidateIndex: null });
});

test('what is unlike anything seen is said at once, and left at once', () => {
  const unseen = place(inZero, { segmentIndex: UNSEEN, strength: 0 });
  expect(unseen.segmentIndex).toBe(UNSEEN);
  expect(place(unseen, { segmentIndex: 0, strength: 0.2 }).segmentIndex).toBe(0);
});
