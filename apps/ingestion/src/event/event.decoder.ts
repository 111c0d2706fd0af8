import { isStorable } from '#libs/database';
import { jsonOf } from '#libs/grpc';

import { EVENT_TYPES, type EventPlan, type EventType, type IntakeEvent, type IntakeItem, type PlanViolations, type Rejection, type RejectionReason } from './event.js';
import { eventId } from './event.id.js';
import { isDeeper, isStorableJson } from './event.text.js';
import { correctTime, parseTime } from './event.time.js';

export const MAX_EVENT_BYTES = { http: 32 * 1024, file: 1024 * 1024 } as const;
const MAX_DEPTH = 64;
const MAX_MESSAGE_ID = 100;
/** Of what is no valid message id; an index of Postgres holds no more than 2,700 bytes. */
const LONGEST_KNOWN = 600;
const MAX_ID = 256;
const MAX_NAME = 255;
/** A batch's context is kept with each of its refused events, so only a small one. */
const MAX_KEPT_CONTEXT_BYTES = 2 * 1024;

type Fields = Readonly<Record<string, unknown>>;

/** What holds for all events of one request. */
export interface Envelope {
  readonly receivedAt: Date;
  /** Milliseconds since 1970; undefined: no clock correction. */
  readonly sentAt?: number | undefined;
  /** Batch-level context, merged under each event's own. */
  readonly context?: Fields | undefined;
  /** The type that the path says, for calls outside of a batch. */
  readonly type?: EventType | undefined;
  readonly maxBytes: number;
  /** What the workspace declared of its events; undefined: nothing. */
  readonly plan?: EventPlan | undefined;
}

/** Thrown and caught within this file: the first thing that keeps an event from being stored. */
class Refusal extends Error {
  constructor(
    readonly reason: RejectionReason,
    message: string,
    readonly violations?: PlanViolations,
  ) {
    super(message);
  }
}

/** One call in Segment's form, as it can be stored, or why not. Never throws for what the input says. */
export function decodeEvent(raw: unknown, envelope: Envelope): IntakeItem {
  try {
    const event = decode(raw, envelope);
    const violations = envelope.plan?.violationsOf(event);
    if (violations?.isEnforced) throw new Refusal('PLAN_VIOLATION', violations.detail, violations);
    return violations ? { event, violations } : { event };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { reason, message, violations } = error;
    const rejection = { messageId: knownBy(objectOf(raw)?.['messageId']), reason, detail: message, receivedAt: envelope.receivedAt, ...besideOf(envelope) };
    return { rejection: { ...rejection, payload: Buffer.from(jsonOf(raw)), unit: 'EVENT' }, ...(violations ? { violations } : {}) };
  }
}

/** What the request said beside the event, as it is kept with a refused one. */
function besideOf({ type, sentAt, context }: Envelope): Pick<Rejection, 'callType' | 'sentAt' | 'batchContext'> {
  const sent = boundedDate(sentAt);
  const text = context && contextText(context);
  return { ...(type ? { callType: type } : {}), ...(sent ? { sentAt: sent } : {}), ...(text ? { batchContext: text } : {}) };
}

const contextTexts = new WeakMap<Fields, string>();

/** Written once for all events of a batch; empty where it is too large to be kept. */
function contextText(context: Fields): string {
  const known = contextTexts.get(context);
  if (known !== undefined) return known;
  const json = jsonOf(context);
  const text = Buffer.byteLength(json) > MAX_KEPT_CONTEXT_BYTES ? '' : json;
  contextTexts.set(context, text);
  return text;
}

function decode(raw: unknown, envelope: Envelope): IntakeEvent {
  const fields = objectOf(raw);
  if (!fields) throw new Refusal('NOT_AN_OBJECT', 'An event is a JSON object.');
  if (isDeeper(fields, MAX_DEPTH)) throw new Refusal('TOO_DEEP', `Objects and lists lie in one another more than ${MAX_DEPTH} deep.`);
  const type = typeOf(envelope.type ?? fields['type']);
  const messageId = messageIdOf(fields['messageId']);
  const ids = idsOf(fields, type);
  const name = nameOf(fields, type);
  const times = timesOf(fields, envelope);
  const properties = propertiesOf(fields, type);
  const context = contextOf(fields, envelope.context);
  const bytes = Buffer.byteLength(properties) + Buffer.byteLength(context ?? '') + name.length;
  if (bytes > envelope.maxBytes) {
    throw new Refusal('TOO_LARGE', `The event has ${bytes} bytes; ${envelope.maxBytes} are allowed from this source.`);
  }
  return { id: eventId(), messageId, type, name, ...times, receivedAt: envelope.receivedAt, ...ids, properties, context };
}

function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function typeOf(value: unknown): EventType {
  const type = EVENT_TYPES.find((known) => known === value);
  if (!type) throw new Refusal('TYPE_UNKNOWN', `"type" is ${shown(value)}; known are ${EVENT_TYPES.join(', ')}.`);
  return type;
}

function messageIdOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return eventId();
  if (typeof value !== 'string') throw new Refusal('MESSAGE_ID_INVALID', `"messageId" is ${shown(value)}; it must be a text.`);
  if (value.length > MAX_MESSAGE_ID) {
    throw new Refusal('MESSAGE_ID_INVALID', `"messageId" has ${value.length} characters; ${MAX_MESSAGE_ID} are allowed.`);
  }
  return storable('messageId', value);
}

/** What a refused event is asked for by: its message id as it was sent, also one that is no valid id. Null: it has none, or one that cannot be kept. */
export function knownBy(messageId: unknown): string | null {
  const text = typeof messageId === 'number' ? String(messageId) : messageId;
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_KNOWN && isStorable(text) ? text : null;
}

function idsOf(fields: Fields, type: EventType): Pick<IntakeEvent, 'userId' | 'anonymousId' | 'groupId' | 'previousId'> {
  const ids = {
    userId: idOf(fields, 'userId'),
    anonymousId: idOf(fields, 'anonymousId'),
    groupId: idOf(fields, 'groupId'),
    previousId: idOf(fields, 'previousId'),
  };
  // Segment's clients send group with a groupId alone, and alias with a previousId alone.
  const isEnough = ids.userId ?? ids.anonymousId ?? (type === 'group' ? ids.groupId : null) ?? (type === 'alias' ? ids.previousId : null);
  if (isEnough === null) throw new Refusal('ID_MISSING', 'The event has neither "userId" nor "anonymousId".');
  return ids;
}

function idOf(fields: Fields, field: string): string | null {
  const value = fields[field];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value))) return String(value);
  if (typeof value === 'number') {
    throw new Refusal('ID_INVALID', `"${field}" is a number beyond 2^53, which two customers could share; send it as a text.`);
  }
  if (typeof value !== 'string') throw new Refusal('ID_INVALID', `"${field}" is ${shown(value)}; it must be a text.`);
  if (value.trim() === '') return null;
  if (value.length > MAX_ID) throw new Refusal('ID_INVALID', `"${field}" has ${value.length} characters; ${MAX_ID} are allowed.`);
  return storable(field, value);
}

function nameOf(fields: Fields, type: EventType): string {
  if (type === 'page') return 'Page Viewed';
  if (type === 'screen') return 'Screen Viewed';
  if (type !== 'track') return '';
  const name = fields['event'];
  if (name === undefined || name === null || name === '') throw new Refusal('NAME_MISSING', 'A track call needs "event", its name.');
  if (typeof name !== 'string') throw new Refusal('NAME_INVALID', `"event" is ${shown(name)}; it must be a text.`);
  if (name.length > MAX_NAME) throw new Refusal('NAME_INVALID', `"event" has ${name.length} characters; ${MAX_NAME} are allowed.`);
  return storable('event', name);
}

function timesOf(fields: Fields, envelope: Envelope): Pick<IntakeEvent, 'occurredAt' | 'sentAt' | 'originalAt' | 'timeClamped'> {
  const given = fields['originalTimestamp'] ?? fields['timestamp'] ?? undefined;
  const original = parseTime(given);
  if (given !== undefined && original === undefined) {
    throw new Refusal('TIME_INVALID', `"timestamp" is ${shown(given)}; it must be ISO 8601, for example 2026-05-01T12:00:00Z.`);
  }
  const sentAt = parseTime(fields['sentAt']) ?? envelope.sentAt;
  const { time, isClamped } = correctTime(original, sentAt, envelope.receivedAt.getTime());
  const occurredAt = new Date(time).toISOString();
  return {
    occurredAt,
    sentAt: boundedDate(sentAt),
    originalAt: original === time ? occurredAt : (boundedDate(original)?.toISOString() ?? null),
    timeClamped: isClamped,
  };
}

/** Beyond these years Postgres and ISO 8601 part ways; such a time is remembered by its mark alone. */
function boundedDate(time: number | undefined): Date | null {
  const isPlain = time !== undefined && time > -6e13 && time < 2.5e14;
  return isPlain ? new Date(time) : null;
}

function propertiesOf(fields: Fields, type: EventType): string {
  const field = type === 'identify' || type === 'group' ? 'traits' : 'properties';
  // RudderStack's browser client says what is known of somebody in the context.
  const given = fields[field] ?? (type === 'identify' ? objectOf(fields['context'])?.['traits'] : undefined) ?? {};
  const object = objectOf(given);
  if (!object) throw new Refusal('PROPERTIES_INVALID', `"${field}" is ${shown(given)}; it must be an object.`);
  // The name of a page lies beside its properties in Segment's form; here it is one of them.
  const isView = type === 'page' || type === 'screen';
  const merged = isView ? { ...textual('category', fields), ...textual('name', fields), ...object } : object;
  return storableJson(field, merged);
}

function textual(field: string, fields: Fields): Fields {
  const value = fields[field];
  return typeof value === 'string' && value !== '' ? { [field]: value } : {};
}

function contextOf(fields: Fields, shared: Fields | undefined): string | null {
  const own = objectOf(fields['context']);
  if (!own && !shared) return null;
  return storableJson('context', shared && own ? { ...shared, ...own } : (own ?? shared ?? {}));
}

function storableJson(field: string, value: Fields): string {
  const json = JSON.stringify(value);
  if (!isStorableJson(value, json)) throw new Refusal('TEXT_UNSTORABLE', unstorable(field));
  return json;
}

function storable(field: string, value: string): string {
  if (!isStorable(value)) throw new Refusal('TEXT_UNSTORABLE', unstorable(field));
  return value;
}

const unstorable = (field: string) => `"${field}" holds a NUL character or half of a surrogate pair, which no text can keep.`;

function shown(value: unknown): string {
  const text = value === undefined ? 'missing' : jsonOf(value);
  return text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text.toWellFormed();
}
