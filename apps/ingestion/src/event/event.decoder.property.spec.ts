import fc from 'fast-check';

import { isStorable } from '#libs/database';

import { EVENT_TYPES, type IntakeEvent, REJECTION_REASONS } from './event.js';
import { decodeEvent, type Envelope, MAX_EVENT_BYTES } from './event.decoder.js';


const DAY_MS = 86_400_000;
const receivedAt = new Date('2026-05-01T12:00:00Z');

/** What senders send: texts with NUL and halves of surrogate pairs, numbers beyond all bounds, names that objects have by themselves. */
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('', ' ', 'null', '\0', '\ud800', '__proto__', 'u1', 'Seen'), fc.string({ minLength: 250, maxLength: 260, unit: 'grapheme' }));
const value = fc.oneof(text, fc.double(), fc.integer(), fc.constantFrom<unknown>(null, undefined, true, 2 ** 53 + 2, [], {}), fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }));
const time = fc.oneof(value, fc.date({ noInvalidDate: false }).map((date) => (Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString())), fc.constantFrom('9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z'));
const object = fc.oneof(value, fc.dictionary(text, value, { maxKeys: 6 }));
/** Mostly as it should be, so that what lies behind the first thing wrong is reached too. */
const mostly = <Good, Odd>(good: fc.Arbitrary<Good>, odd: fc.Arbitrary<Odd>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: odd });
const id = mostly(fc.constantFrom<unknown>('u1', 'u2', 17, undefined), value);
const call = fc.record(
  {
    type: mostly(fc.constantFrom<unknown>(...EVENT_TYPES), value),
    event: mostly(fc.constant('Seen'), value), name: value, category: value,
    userId: id, anonymousId: id, groupId: id, previousId: id, messageId: id,
    timestamp: mostly(fc.constantFrom<unknown>(undefined, '2026-05-01', '9999-12-31T23:59:59Z', 0, -1e15), time), originalTimestamp: mostly(fc.constant(undefined), time), sentAt: time,
    properties: mostly(fc.dictionary(fc.string(), fc.jsonValue()), object), traits: mostly(fc.dictionary(fc.string(), fc.jsonValue()), object), context: mostly(fc.constant({}), object),
  },
  { requiredKeys: ['type'] },
);
const envelope: fc.Arbitrary<Envelope> = fc.record({
  receivedAt: fc.constant(receivedAt), sentAt: fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }), context: fc.option(fc.dictionary(text, value, { maxKeys: 3 }), { nil: undefined }),
  maxBytes: fc.constantFrom(200, MAX_EVENT_BYTES.http),
});

/** All that the store takes for granted. */
function expectStorable({ messageId, type, name, occurredAt, userId, anonymousId, groupId, previousId, properties, context }: IntakeEvent, maxBytes: number): void {
  const ids = [userId, anonymousId, groupId, previousId].filter((id) => id !== null);
  expect(messageId.length).toBeGreaterThan(0);
  expect(messageId.length).toBeLessThanOrEqual(100);
  expect(EVENT_TYPES).toContain(type);
  expect(name.length).toBeLessThanOrEqual(255);
  expect(ids.every((id) => id.trim() !== '' && id.length <= 256)).toBe(true);
  expect(ids.length).toBeGreaterThan(0);
  expect([messageId, name, ...ids].every(isStorable)).toBe(true);
  expect(Date.parse(occurredAt)).toBeGreaterThanOrEqual(0);
  expect(Date.parse(occurredAt)).toBeLessThanOrEqual(receivedAt.getTime() + DAY_MS);
  for (const json of [properties, context ?? '{}']) {
    expect(JSON.stringify(JSON.parse(json))).toMatch(/^\{/);
    // Postgres reads the escapes; what looks like one behind an even number of backslashes is none.
    expect(json.replaceAll('\\\\', '')).not.toMatch(/\\u0000/);
    expect(json.isWellFormed()).toBe(true);
  }
  expect(Buffer.byteLength(properties) + Buffer.byteLength(context ?? '') + name.length).toBeLessThanOrEqual(maxBytes);
}

test('whatever a call says, it is an event that can be stored as it is, or it is kept whole with a reason that the docs name', () => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(fc.oneof({ weight: 20, arbitrary: call }, { weight: 1, arbitrary: value }), envelope, (raw, given) => {
      const item = decodeEvent(raw, given);
      const outcome = 'event' in item ? 'event' : item.rejection.reason;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if ('event' in item) return expectStorable(item.event, given.maxBytes);
      const { reason, detail, payload, messageId } = item.rejection;
      expect(REJECTION_REASONS).toContain(reason);
      expect(detail.length).toBeGreaterThan(0);
      if (raw !== undefined) expect(JSON.parse(payload.toString())).toEqual(JSON.parse(JSON.stringify(raw)));
      expect(messageId === null || isStorable(messageId)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  // All that a call alone can be refused for, but for depth, came up: what is never tried is not tested.
  const byOthers = new Set<string>(['TOO_DEEP', 'ID_BLOCKED', 'SUPPRESSED', 'PLAN_VIOLATION', 'STORE_REFUSED']);
  expect([...outcomes.keys()].sort()).toEqual(['event', ...REJECTION_REASONS.filter((reason) => !byOthers.has(reason))].sort());
  expect(outcomes.get('event')).toBeGreaterThan(200);
}, 60_000);
