import fc from 'fast-check';

import { CLEAR, place, type Placed, UNSEEN } from './assignment.rule.js';

const inZero: Placed = { segmentIndex: 0, strength: 0.7, candidateIndex: null, finerIndex: null };

test('a first reading places the customer, however weak it is', () => {
  expect(place(undefined, { segmentIndex: 2, strength: 0.1 })).toEqual({ segmentIndex: 2, strength: 0.1, candidateIndex: null, finerIndex: null });
});

test('a clear reading moves the customer at once', () => {
  expect(place(inZero, { segmentIndex: 1, strength: CLEAR }).segmentIndex).toBe(1);
});

test('a weak reading in another segment moves nobody, and the strength that is told falls to what is left', () => {
  expect(place(inZero, { segmentIndex: 1, strength: 0.5 })).toEqual({ segmentIndex: 0, strength: 0.5, candidateIndex: 1, finerIndex: null });
});

test('two weak readings in a row that agree move the customer', () => {
  const held = place(inZero, { segmentIndex: 1, strength: 0.4 });
  expect(place(held, { segmentIndex: 1, strength: 0.4 })).toEqual({ segmentIndex: 1, strength: 0.4, candidateIndex: null, finerIndex: null });
});

test('weak readings that disagree with one another do not add up', () => {
  const held = place(place(inZero, { segmentIndex: 1, strength: 0.4 }), { segmentIndex: 2, strength: 0.4 });
  expect(held).toMatchObject({ segmentIndex: 0, candidateIndex: 2 });
  expect(place(held, { segmentIndex: 0, strength: 0.6 })).toEqual({ segmentIndex: 0, strength: 0.6, candidateIndex: null, finerIndex: null });
});

test('what is unlike anything seen is said at once, and left at once', () => {
  const unseen = place(inZero, { segmentIndex: UNSEEN, strength: 0 });
  expect(unseen.segmentIndex).toBe(UNSEEN);
  expect(place(unseen, { segmentIndex: 0, strength: 0.2 }).segmentIndex).toBe(0);
});

test('whatever is read of a customer in whatever order, the part they are in lies in the segment they are in', () => {
  // Parts 10 and 11 make up segment 1, 20 to 22 segment 2; segment 0 is not split.
  const parts = [[undefined], [10, 11], [20, 21, 22]];
  const reading = fc.oneof(
    fc.constant({ segmentIndex: UNSEEN, strength: 0 }),
    fc.nat({ max: 2 }).chain((segmentIndex) =>
      fc.record({ segmentIndex: fc.constant(segmentIndex), strength: fc.double({ min: 0, max: 1, noNaN: true }), finerIndex: fc.constantFrom(...(parts[segmentIndex] ?? [])) }),
    ),
  );
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 20 }), (readings) => {
      let held: Placed | undefined;
      for (const read of readings) {
        held = place(held, read);
        const inside = (parts[held.segmentIndex] ?? [undefined]).map((part) => part ?? null);
        expect(inside).toContain(held.finerIndex);
      }
    }),
  );
});
