import type { EventPlan, EventType, IntakeItem } from '../event/event.js';
import { decodeEvent, type Envelope, MAX_EVENT_BYTES } from '../event/event.decoder.js';
import { isDeeper, nestingOf } from '../event/event.text.js';
import { parseTime } from '../event/event.time.js';

type Fields = Readonly<Record<string, unknown>>;

/** Segment's paths; the short ones are the browser's. `null` is the batch. */
export const PATHS: Readonly<Record<string, EventType | null>> = {
  batch: null, b: null,
  identify: 'identify', i: 'identify',
  track: 'track', t: 'track',
  page: 'page', p: 'page',
  screen: 'screen', s: 'screen',
  group: 'group', g: 'group',
  alias: 'alias', a: 'alias',
};

/** A body that no event can be read from: the one thing that is answered with 400. */
export class UnreadableBodyError extends Error {}

/** A body that holds more than a request may have. */
export class BodyTooLargeError extends Error {}

/** Each event takes about a KiB when it is decoded, however small it is, and all of a request are committed together before its sender gives up. */
const MAX_EVENTS = 50_000;
/** Some senders write one before the text; JSON has none. */
const BYTE_ORDER_MARK = /^\ufeff/;
/** Deep bodies cost a parser more memory than they have bytes; those that are small cost little. */
const CHECKED_FROM_BYTES = 64 * 1024;
const MAX_BODY_NESTING = 20_000;
const MAX_CONTEXT_DEPTH = 32;

/** The body, whatever its content type says: browsers send JSON as text/plain. */
export function readBody(body: unknown): Fields {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new UnreadableBodyError('The body is empty.');
  if (body.length > CHECKED_FROM_BYTES && nestingOf(body) > MAX_BODY_NESTING) {
    throw new UnreadableBodyError(`The body nests more than ${MAX_BODY_NESTING} deep.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString().replace(BYTE_ORDER_MARK, ''));
  } catch (cause) {
    throw new UnreadableBodyError(`The body is no JSON: ${(cause as Error).message}`, { cause });
  }
  const fields = objectOf(value);
  if (!fields) throw new UnreadableBodyError('The body is no JSON object.');
  return fields;
}

/** Keys that a request presents, in the order in which they are believed: Basic, Bearer, body. */
export function presentedKeys(authorization: string | undefined, body: Fields): string[] {
  const [scheme = '', value = ''] = (authorization ?? '').trim().split(/\s+/, 2);
  const keys: unknown[] = [];
  // Basic's user name is the key; some clients leave the colon away, some encode nothing behind it.
  if (/^basic$/i.test(scheme)) keys.push(Buffer.from(value, 'base64').toString().split(':', 1)[0]);
  if (/^bearer$/i.test(scheme)) keys.push(value);
  keys.push(body['writeKey']);
  return keys.filter((key): key is string => typeof key === 'string' && key !== '');
}

/** How many events a body holds, before any is looked at. Throws BodyTooLargeError where they are too many. */
export function countEvents({ batch }: Fields): number {
  const events = Array.isArray(batch) ? batch.length : 1;
  if (events > MAX_EVENTS) throw new BodyTooLargeError(`The batch has ${events} events; ${MAX_EVENTS} are allowed in a request. Send them in several.`);
  return events;
}

/** Events of a body, each decoded alone: a bad one never keeps its neighbours out. */
export function readEvents(path: EventType | null, body: Fields, receivedAt: Date, plan?: EventPlan): IntakeItem[] {
  const context = objectOf(body['context']);
  const envelope: Envelope = {
    receivedAt,
    sentAt: parseTime(body['sentAt']),
    type: path ?? undefined,
    maxBytes: MAX_EVENT_BYTES.http,
    plan,
  };
  if (path !== null) {
    // The key in a body is no part of the event, and must not be read in quarantine.
    const { writeKey: _, ...call } = body;
    return [decodeEvent(call, envelope)];
  }
  const { batch } = body;
  if (!Array.isArray(batch)) throw new UnreadableBodyError('"batch" is missing or no list of events.');
  const shared = context && !isDeeper(context, MAX_CONTEXT_DEPTH) ? context : undefined;
  return batch.map((raw) => decodeEvent(raw, { ...envelope, context: shared }));
}

function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
