import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { jsonOrText } from '../event/event.text.js';
import { isoMicros } from '../page.js';
import { payloadPatterns } from './person.payload.js';
import type { PersonSubjects } from './person.subjects.js';

/** Payloads may be as large as a request. */
const PAYLOADS_AT_ONCE = 10;

const PATTERNS = `CASE WHEN unit = 'ROW' OR reason = 'NOT_AN_OBJECT' THEN $2::text[] ELSE $3::text[] END`;

interface RefusedRow {
  received_at: string;
  reason: string;
  source: string;
  payload: Buffer;
  unit: 'EVENT' | 'ROW';
  /** Whom a row is of: a user id, or an anonymous id. */
  row_user_id: string | null;
}

/** Ids of what was refused and names the person: it does so in its payload only, or in what somebody mended it to. Lines of files count where they are of the person, and where an id stands by itself. */
export async function refusedIds(client: PoolClient, workspaceId: string, { userIds, anonymousIds }: PersonSubjects): Promise<string[]> {
  const patterns = payloadPatterns([...userIds, ...anonymousIds]);
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM ingestion.rejected_events
     WHERE workspace_id = $1 AND (encode(payload, 'escape') ~ ANY (${PATTERNS}) OR encode(mended_payload, 'escape') ~ ANY (${PATTERNS}) OR row_user_id = ANY ($4::text[])) ORDER BY id`,
    [workspaceId, patterns.ofLines, patterns.ofCalls, [...userIds, ...anonymousIds]],
  );
  return rows.map(({ id }) => id);
}

/** What was refused and says it is the person's, as records of an export. What merely mentions the person may be somebody else's. */
export async function* refusedRecords(database: Database, workspaceId: string, person: PersonSubjects): AsyncGenerator<object> {
  const ids = await database.onConnection(workspaceId, (client) => refusedIds(client, workspaceId, person));
  for (let at = 0; at < ids.length; at += PAYLOADS_AT_ONCE) {
    const rows = await database.onConnection(workspaceId, async (client) => {
      const found = await client.query<RefusedRow>(
        `SELECT ${isoMicros('received_at')} AS received_at, reason, source, coalesce(mended_payload, payload) AS payload, unit, row_user_id FROM ingestion.rejected_events
         WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND state <> 'REPLAYED' ORDER BY id`,
        [workspaceId, ids.slice(at, at + PAYLOADS_AT_ONCE)],
      );
      return found.rows;
    });
    for (const { received_at, reason, source, payload, unit, row_user_id } of rows) {
      const said = jsonOrText(payload.toString());
      const isTheirs = unit === 'ROW' ? [...person.userIds, ...person.anonymousIds].includes(row_user_id ?? '') : isOf(said, person);
      if (isTheirs) yield { record: 'rejected', receivedAt: received_at, reason, source, [unit.toLowerCase()]: said };
    }
  }
}

function isOf(event: unknown, { userIds, anonymousIds }: PersonSubjects): boolean {
  if (typeof event !== 'object' || event === null) return false;
  const { userId, anonymousId } = event as Record<string, unknown>;
  return userIds.includes(String(userId)) || anonymousIds.includes(String(anonymousId));
}
