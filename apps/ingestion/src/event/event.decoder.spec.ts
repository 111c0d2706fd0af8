import { decodeEvent, type Envelope, MAX_EVENT_BYTES } from './event.decoder.js';
import type { IntakeEvent, Rejection } from './event.js';

const RECEIVED = new Date('2026-05-01T12:00:00.000Z');
const envelope: Envelope = { receivedAt: RECEIVED, maxBytes: MAX_EVENT_BYTES.http };
const track = { type: 'track', event: 'Order Completed', userId: 'u1', messageId: 'm1' };

function accepted(raw: unknown, more: Partial<Envelope> = {}): IntakeEvent {
  const item = decodeEvent(raw, { ...envelope, ...more });
  if ('rejection' in item) throw new Error(`refused: ${item.rejection.reason} ${item.rejection.detail}`);
  return item.event;
}
function refused(raw: unknown, more: Partial<Envelope> = {}): Rejection {
  const item = decodeEvent(raw, { ...envelope, ...more });
  if ('event' in item) throw new Error('accepted');
  return item.rejection;
}

test("a wrong sender's clock is corrected by the time between happening and sending", () => {
  const sentAt = Date.parse('2030-01-01T00:10:00Z');
  const event = accepted({ ...track, timestamp: '2030-01-01T00:00:00Z' }, { sentAt });
  expect(event.occurredAt).toBe('2026-05-01T11:50:00.000Z');
  expect(event.timeClamped).toBe(false);
});

test('without sentAt the given time holds, without a time the time of arrival', () => {
  expect(accepted({ ...track, timestamp: '2011-12-09T08:00:00.500+01:00' }).occurredAt).toBe('2011-12-09T07:00:00.500Z');
  expect(accepted(track).occurredAt).toBe(RECEIVED.toISOString());
});

test.each([
  ['9999-12-31T23:59:59Z', '2026-05-02T12:00:00.000Z'],
  ['1823-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
])('a time of %s is clamped to %s and marked', (timestamp, occurredAt) => {
  expect(accepted({ ...track, timestamp })).toMatchObject({ occurredAt, timeClamped: true });
});

test.each([
  ['an array', [], 'NOT_AN_OBJECT'],
  ['no type', { userId: 'u' }, 'TYPE_UNKNOWN'],
  ['an unknown type', { ...track, type: 'charge' }, 'TYPE_UNKNOWN'],
  ['nobody', { ...track, userId: undefined }, 'ID_MISSING'],
  ['an empty user', { ...track, userId: '  ' }, 'ID_MISSING'],
  ['an object as user', { ...track, userId: { id: 1 } }, 'ID_INVALID'],
  ['a user beyond 2^53', { ...track, userId: 2 ** 53 }, 'ID_INVALID'],
  ['a track without a name', { ...track, event: '' }, 'NAME_MISSING'],
  ['a name of 300 characters', { ...track, event: 'x'.repeat(300) }, 'NAME_INVALID'],
  ['a message id of 101 characters', { ...track, messageId: 'x'.repeat(101) }, 'MESSAGE_ID_INVALID'],
  ['a time in words', { ...track, timestamp: 'yesterday' }, 'TIME_INVALID'],
  ['properties as a list', { ...track, properties: [1] }, 'PROPERTIES_INVALID'],
  ['a NUL in a property', { ...track, properties: { note: 'a\0b' } }, 'TEXT_UNSTORABLE'],
  ['half a surrogate pair in a key', { ...track, properties: { 'a\ud800': 1 } }, 'TEXT_UNSTORABLE'],
  ['a NUL in the name', { ...track, event: 'a\0' }, 'TEXT_UNSTORABLE'],
  ['a property of 10 MB', { ...track, properties: { note: 'x'.repeat(10_000_000) } }, 'TOO_LARGE'],
])('%s is refused', (_, raw, reason) => {
  expect(refused(raw).reason).toBe(reason);
});

test.each([['x'.repeat(101), 'x'.repeat(101)], [42, '42'], ['x'.repeat(601), null], ['a\0', null], [{ id: 1 }, null]])('a refused event is known by what it was sent with as its message id', (messageId, known) => {
  expect(refused({ ...track, messageId })).toMatchObject({ reason: expect.stringMatching(/MESSAGE_ID_INVALID|TEXT_UNSTORABLE/) as string, messageId: known });
});

test('10,000 levels of nesting are refused and kept whole', () => {
  const json = `{"type":"track","userId":"u","event":"e","properties":${'{"a":['.repeat(5_000)}1${']}'.repeat(5_000)}}`;
  const rejection = refused(JSON.parse(json));
  expect(rejection.reason).toBe('TOO_DEEP');
  expect(rejection.payload.toString()).toBe(json);
});

test('text that only looks like an escaped NUL passes', () => {
  const properties = { path: String.raw`C:\u0000\ud800` };
  expect(JSON.parse(accepted({ ...track, properties }).properties)).toEqual(properties);
});

test('a property named __proto__ is data', () => {
  const event = accepted(JSON.parse('{"type":"track","event":"e","userId":"u","properties":{"__proto__":{"isAdmin":true}}}'));
  expect(event.properties).toBe('{"__proto__":{"isAdmin":true}}');
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test('a number beyond the range becomes null', () => {
  expect(accepted(JSON.parse('{"type":"track","event":"e","userId":7,"properties":{"n":1e999}}'))).toMatchObject({
    properties: '{"n":null}',
    userId: '7',
  });
});

test("group with a groupId alone and alias without a userId are accepted, as Segment's clients send them", () => {
  expect(accepted({ type: 'group', groupId: 'g' })).toMatchObject({ groupId: 'g', userId: null });
  expect(accepted({ type: 'alias', previousId: 'p', userId: 'u' })).toMatchObject({ previousId: 'p' });
});

test("a page's name and category become properties, its own properties first", () => {
  const event = accepted({ type: 'page', anonymousId: 'a', name: 'Home', category: 'Shop', properties: { name: 'Start' } });
  expect(event.name).toBe('Page Viewed');
  expect(JSON.parse(event.properties)).toEqual({ category: 'Shop', name: 'Start' });
});

test("an identify's traits may lie in its context, as RudderStack's browser client sends them; its own hold over those", () => {
  const identify = { type: 'identify', userId: 'u', context: { traits: { plan: 'pro' } } };
  expect(JSON.parse(accepted(identify).properties)).toEqual({ plan: 'pro' });
  expect(JSON.parse(accepted({ ...identify, traits: { plan: 'free' } }).properties)).toEqual({ plan: 'free' });
  expect(JSON.parse(accepted({ ...track, context: identify.context }).properties)).toEqual({});
});

test("batch-level context lies under each event's own", () => {
  const event = accepted({ ...track, context: { ip: '1' } }, { context: { ip: '0', library: { name: 'x' } } });
  expect(JSON.parse(event.context ?? '')).toEqual({ ip: '1', library: { name: 'x' } });
});
