import * as fc from 'fast-check';

import { decodeEvent } from './event.decoder.js';
import type { IntakeItem, PlanViolations } from './event.js';
import { tallied } from './event.violations.js';

const RECEIVED = new Date('2026-05-01T12:34:56Z');
const violating = (ways: PlanViolations['ways'], isEnforced: boolean, at: number): IntakeItem =>
  decodeEvent({ type: 'track', event: 'e', userId: 'u', messageId: `m${at}` }, { receivedAt: RECEIVED, maxBytes: 1_000, plan: { violationsOf: () => ({ eventName: 'e', ways, detail: 'd', isEnforced }) } });
const way = fc.record({ property: fc.integer({ min: 0, max: 300 }).map(String), rule: fc.constantFrom('type', 'required') });

test('an event counts once in each of its ways, one that came again not at all', () => {
  const items = [violating([{ property: 'a', rule: 'type' }, { property: 'b', rule: 'type' }], false, 0), violating([{ property: 'a', rule: 'type' }], true, 1), violating([{ property: 'a', rule: 'type' }], false, 2)];
  const at = { hour: '2026-05-01T12:00:00.000Z', eventName: 'e', rule: 'type' };
  expect(tallied(items, [true, false])).toEqual([
    { ...at, property: 'a', count: 2, refused: 1, example: 'm1' },
    { ...at, property: 'b', count: 1, refused: 0, example: 'm0' },
  ]);
});

test('however many ways there are, a commit writes a bounded number of rows and forgets no event', () => {
  fc.assert(
    fc.property(fc.array(fc.array(way, { minLength: 1, maxLength: 32 }), { maxLength: 60 }), (events) => {
      const rows = tallied(events.map((ways, at) => violating(ways, false, at)), events.map(() => true));
      expect(rows.length).toBeLessThanOrEqual(101);
      expect(new Set(rows.map(({ property, rule }) => `${property} ${rule}`)).size).toBe(rows.length);
      for (const { count } of rows) expect(count).toBeLessThanOrEqual(events.length);
      const distinct = events.reduce((sum, ways) => sum + new Set(ways.map(({ property, rule }) => `${property} ${rule}`)).size, 0);
      const total = rows.reduce((sum, { count }) => sum + count, 0);
      expect(rows.length < 101 ? total === distinct : total >= events.length).toBe(true);
    }),
  );
});
