import * as fc from 'fast-check';

import { callOf } from './event.call.js';
import { decodeEvent } from './event.decoder.js';
import { EVENT_TYPES } from './event.js';

const time = fc.date({ min: new Date('1980-01-01'), max: new Date('2026-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((one) => one.trim() !== '');
const call = fc.record(
  {
    type: fc.constantFrom(...EVENT_TYPES), messageId: text, event: text, userId: text, anonymousId: text, groupId: text, previousId: text, name: text, category: text,
    timestamp: time, sentAt: time, properties: fc.dictionary(text, fc.jsonValue()), traits: fc.dictionary(text, fc.jsonValue()), context: fc.dictionary(text, fc.jsonValue()),
  },
  { requiredKeys: ['type', 'messageId', 'event', 'userId'] },
);

test('an event written as a call is decoded to the same event, its time corrected once', () => {
  fc.assert(
    fc.property(call, (raw) => {
      const receivedAt = new Date('2026-05-01T12:00:00Z');
      const once = decodeEvent(raw, { receivedAt, maxBytes: 1_000_000 });
      fc.pre('event' in once);
      const twice = decodeEvent(JSON.parse(callOf(once.event)), { receivedAt, maxBytes: 1_000_000 });
      if (!('event' in twice)) throw new Error(twice.rejection.detail);
      const { id: _, sentAt: _sent, originalAt: _original, timeClamped: _clamped, ...same } = once.event;
      expect({ ...twice.event, properties: JSON.parse(twice.event.properties) as unknown, context: JSON.parse(twice.event.context ?? 'null') as unknown })
        .toMatchObject({ ...same, properties: JSON.parse(same.properties) as object, context: JSON.parse(same.context ?? 'null') as object | null });
    }),
  );
});
