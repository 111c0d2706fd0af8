import { finished } from 'node:stream/promises';

import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import type { IntakeEvent } from './event.js';

const COLUMNS = [
  'ordinal', 'event_id', 'message_id', 'type', 'name', 'occurred_at', 'received_at', 'sent_at', 'original_at', 'time_clamped',
  'user_id', 'anonymous_id', 'group_id', 'previous_id', 'properties', 'context',
] as const;

// Temporary, so that it has no row-level security (which COPY refuses), no WAL and no other writer.
// Properties stay uncompressed here: they are compressed once, on their way into the events.
const CREATE = `
  CREATE TEMPORARY TABLE IF NOT EXISTS staged_events (
    ordinal integer NOT NULL, event_id uuid NOT NULL, message_id text COLLATE "C" NOT NULL, type text NOT NULL, name text NOT NULL,
    occurred_at timestamptz NOT NULL, received_at timestamptz NOT NULL, sent_at timestamptz, original_at timestamptz,
    time_clamped boolean NOT NULL, user_id text COLLATE "C", anonymous_id text COLLATE "C", group_id text, previous_id text COLLATE "C",
    properties jsonb NOT NULL, context jsonb,
    -- Known once the message id is claimed: that it is new, and the subjects of its ids.
    fresh boolean NOT NULL DEFAULT false, user_subject_id uuid, anonymous_subject_id uuid
  ) ON COMMIT DELETE ROWS;
  ALTER TABLE staged_events ALTER COLUMN properties SET STORAGE EXTERNAL, ALTER COLUMN context SET STORAGE EXTERNAL`;
/**
 * Settings of a transaction that stages events. What is staged is small and looked up in tables that may have grown a
 * thousandfold since they were last analysed: always by index, never by reading a table whole for each staged row.
 */
export const BY_INDEX = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' };
const COPY = `COPY staged_events (${COLUMNS.join(', ')}) FROM STDIN`;

const prepared = new WeakSet<PoolClient>();

/** Says that a transaction that staged events was committed, and with it the table that it may have made. */
export function keepStaging(client: PoolClient): void {
  prepared.add(client);
}

/** Puts events into this connection's staging table; they are gone at the end of the transaction. */
export async function stageEvents(client: PoolClient, events: readonly IntakeEvent[]): Promise<void> {
  if (!prepared.has(client)) await client.query(CREATE);
  const copy = client.query(copyFrom(COPY));
  const texts = new Map<Date, string>();
  copy.end(Buffer.from(events.map((event, ordinal) => copyLine(event, ordinal, texts)).join('')));
  await finished(copy);
}

/** Events of one request came at the same moment: `texts` has those that were written already. */
function copyLine(event: IntakeEvent, ordinal: number, texts: Map<Date, string>): string {
  const { messageId, name, userId, anonymousId, groupId, previousId } = event;
  const sentAt = event.sentAt?.toISOString() ?? '\\N';
  const times = `${event.occurredAt}\t${textOf(event.receivedAt, texts)}\t${sentAt}\t${event.originalAt ?? '\\N'}\t${event.timeClamped ? 't' : 'f'}`;
  const ids = `${copyText(userId)}\t${copyText(anonymousId)}\t${copyText(groupId)}\t${copyText(previousId)}`;
  return `${ordinal}\t${event.id}\t${copyText(messageId)}\t${event.type}\t${copyText(name)}\t${times}\t${ids}\t${copyText(event.properties)}\t${copyText(event.context)}\n`;
}

function textOf(moment: Date, texts: Map<Date, string>): string {
  const known = texts.get(moment);
  if (known !== undefined) return known;
  const text = moment.toISOString();
  texts.set(moment, text);
  return text;
}

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** COPY's text format. */
function copyText(value: string | null): string {
  if (value === null) return '\\N';
  return SPECIAL.test(value) ? value.replace(/[\\\t\n\r]/g, (found) => ESCAPES[found] ?? found) : value;
}
