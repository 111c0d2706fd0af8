import type { PoolClient } from 'pg';

import type { IntakeEvent, Rejection } from '../event/event.js';
import { erasedForm } from '../event/erased.messages.js';
import { rejectionOf } from '../event/event.rejection.js';
import { jsonOrText } from '../event/event.text.js';
import { type BlockedIds, isBlocked } from './blocked.ids.js';
import type { KeyedDigests } from './keyed.digest.js';

/** What of a batch may be stored, and what not, by place in the batch. */
export interface Admission {
  readonly admitted: readonly { readonly event: IntakeEvent; readonly ordinal: number }[];
  readonly refused: ReadonlyMap<number, Rejection>;
  /** What was refused before, as it may be kept. */
  readonly rejections: readonly Rejection[];
  /** Some of the workspace's events were erased: what comes may be one of them again. */
  readonly mayBeErased: boolean;
}

const BETWEEN_CELLS = /[\s,;|"]+/;

interface Arrivals {
  readonly workspaceId: string;
  readonly events: readonly IntakeEvent[];
  readonly rejections: readonly Rejection[];
}

/**
 * Holds the workspace's identity as it is until the end of the transaction: nothing is undone or erased meanwhile.
 * Commits share it, so they do not wait for one another.
 */
const OPEN = {
  name: 'open_identity_gate',
  text: 'SELECT blocked, suppresses, erased FROM ingestion.open_identity_gate($1)',
};
const FIND_SUPPRESSED = {
  name: 'find_suppressed',
  text: `SELECT digest FROM ingestion.suppressed_ids WHERE workspace_id = $1::uuid AND digest = ANY ($2::bytea[])`,
};
/** The same for what commits no events. */
export const SHARE_IDENTITY_GATE = `SELECT pg_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0))`;
/** Keeps commits out until the end of the transaction, and waits for those under way. */
export const CLOSE_IDENTITY_GATE = `SELECT pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;

/** Drops what is of people who asked to be left alone, and takes ids away that name nobody; an event that has no other is refused. */
export async function admit(client: PoolClient, arrivals: Arrivals, digests: KeyedDigests): Promise<Admission> {
  const { workspaceId, events } = arrivals;
  const { rows } = await client.query<{ blocked: BlockedIds; suppresses: boolean; erased: boolean }>({ ...OPEN, values: [workspaceId] });
  const blocked = rows[0]?.blocked ?? {};
  const suppressed = rows[0]?.suppresses ? await findSuppressed(client, arrivals, digests) : new Set<string>();
  const isSuppressed = (ids: readonly string[]) => ids.some((id) => suppressed.has(id));
  const suppressedOf = (what: Refused): Rejection => suppressedAs(what.messageId && erasedForm(digests.messageId(workspaceId, what.messageId)), what);
  const admitted: { event: IntakeEvent; ordinal: number }[] = [];
  const refused = new Map<number, Rejection>();
  for (const [ordinal, given] of events.entries()) {
    const event = withoutBlocked(given, blocked);
    if (isSuppressed(idsOf(given))) refused.set(ordinal, suppressedOf({ ...given, unit: 'EVENT' }));
    else if (event) admitted.push({ event, ordinal });
    else refused.set(ordinal, rejectionOf(given, 'ID_BLOCKED', blockedDetail(given)));
  }
  const rejections = arrivals.rejections.map((rejection) => (suppressed.size > 0 && isSuppressed(idsIn(rejection)) ? suppressedOf(rejection) : rejection));
  return { admitted, refused, rejections, mayBeErased: rows[0]?.erased ?? false };
}

async function findSuppressed(client: PoolClient, { workspaceId, events, rejections }: Arrivals, { id: digest }: KeyedDigests): Promise<Set<string>> {
  const ids = new Set([...events.flatMap(idsOf), ...rejections.flatMap(idsIn)]);
  const idOf = new Map([...ids].map((id) => [digest(workspaceId, id).toString('hex'), id]));
  const digests = [...idOf.keys()].map((hex) => Buffer.from(hex, 'hex'));
  const { rows } = await client.query<{ digest: Buffer }>({ ...FIND_SUPPRESSED, values: [workspaceId, digests] });
  return new Set(rows.flatMap((row) => idOf.get(row.digest.toString('hex')) ?? []));
}

type Refused = Pick<Rejection, 'messageId' | 'receivedAt' | 'unit' | 'fingerprint'>;

/** That something came, and nothing of it; what it is known by must not be read either. */
function suppressedAs(messageId: string | null, { receivedAt, unit, fingerprint }: Refused): Rejection {
  const detail = 'The person asked to be left alone: their events are dropped and nothing of them is kept (docs/api/person.md).';
  return { messageId, reason: 'SUPPRESSED', detail, receivedAt, unit, payload: Buffer.alloc(0), ...(fingerprint === undefined ? {} : { fingerprint }) };
}

function idsOf({ userId, anonymousId, previousId }: IntakeEvent): string[] {
  return [userId, anonymousId, previousId].filter((id) => id !== null);
}

/** The ids that something unreadable as an event carries all the same; of a line of a file whom it is of, and of it and of what is no JSON whatever stands in it by itself. */
function idsIn({ payload, unit, rowUserId }: Pick<Rejection, 'payload' | 'unit' | 'rowUserId'>): string[] {
  return [...idsSaid({ payload, unit }), ...(rowUserId === undefined ? [] : [rowUserId])];
}

function idsSaid({ payload, unit }: Pick<Rejection, 'payload' | 'unit'>): string[] {
  const value = jsonOrText(payload.toString());
  if (typeof value !== 'object' || value === null) return String(value).split(BETWEEN_CELLS);
  const { userId, anonymousId, previousId } = value as Record<string, unknown>;
  const cells = unit === 'ROW' ? Object.values(value) : [userId, anonymousId, previousId];
  return cells.filter((id) => typeof id === 'string' || typeof id === 'number').map(String);
}

/** The same event where it names nobody wrongly; undefined where nothing is left to say whom it is of. */
function withoutBlocked(event: IntakeEvent, blocked: BlockedIds): IntakeEvent | undefined {
  const kept = (id: string | null) => (id === null || isBlocked(id, blocked) ? null : id);
  const { userId, anonymousId, previousId } = event;
  const ids = { userId: kept(userId), anonymousId: kept(anonymousId), previousId: kept(previousId) };
  if (ids.userId === userId && ids.anonymousId === anonymousId && ids.previousId === previousId) return event;
  const isOfNobody = ids.userId === null && ids.anonymousId === null && ids.previousId === null;
  // A group may be known by its own id alone.
  return isOfNobody && event.groupId === null ? undefined : { ...event, ...ids };
}

function blockedDetail({ userId, anonymousId, previousId }: IntakeEvent): string {
  const [field, value] = userId !== null ? ['userId', userId] : anonymousId !== null ? ['anonymousId', anonymousId] : ['previousId', previousId];
  return `"${field}" is "${value}", which stands for no id (docs/api/identity.md). Send the id of the person or device, or leave the field out and send "anonymousId".`;
}
