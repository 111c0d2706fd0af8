import type { Database } from '#libs/database';
import { type EventHistory, FEED } from '#libs/history';

import { CURRENT_CUSTOMERS } from '../customer/customer.sql.js';
import { checkIn } from '../ledger/ledger.repository.js';
import type { KeyedDigest } from '../identity/keyed.digest.js';
import { type Cut, isoMicros } from '../page.js';
import { erasedForm } from './erased.messages.js';

export interface StoredReceipt {
  event_id: string;
  occurred_at: string;
  received_at: string;
  customer_id: string | null;
  time_clamped: boolean | null;
  duplicates: string;
}

export interface RejectedRow {
  id: string;
  received_at: string;
  message_id: string | null;
  reason: string;
  detail: string;
  payload: Buffer;
  source: string;
  line: string | null;
  unit: 'EVENT' | 'ROW';
  state: RejectedState;
  mended_payload: Buffer | null;
  payload_bytes: string;
  resolved_at: string | null;
  resolved_by: string | null;
  note: string | null;
}

export type RejectedState = 'OPEN' | 'REPLAYED' | 'DISCARDED';

/** Empty: any. */
export interface RejectedFilter {
  readonly reason: string;
  readonly source: string;
  readonly state: RejectedState | '';
}

export interface EventRow {
  id: string;
  type: string;
  name: string;
  occurred_at: string;
  received_at: string;
  sequence: string;
  properties: string;
  message_id: string;
}

export interface LedgerRow {
  received: string;
  stored: string;
  duplicate: string;
  rejected: string;
  as_of: string;
  reconciled_at: string | null;
  difference: string;
}

/** Payloads in lists are cut here; the row keeps them whole. */
export const SHOWN_PAYLOAD_BYTES = 65_536;
export const rejectedColumns = (payloadBytes: number) => `id, ${isoMicros('received_at')} AS received_at, message_id, reason, detail, source, line, unit, state,
  substring(payload FROM 1 FOR ${payloadBytes}) AS payload, substring(mended_payload FROM 1 FOR ${payloadBytes}) AS mended_payload,
  octet_length(payload) AS payload_bytes, ${isoMicros('resolved_at')} AS resolved_at, resolved_by, note`;
const REJECTED_COLUMNS = rejectedColumns(SHOWN_PAYLOAD_BYTES);

const STORED = `
  SELECT i.event_id, ${isoMicros('i.occurred_at')} AS occurred_at, ${isoMicros('i.received_at')} AS received_at, m.customer_id, e.time_clamped, e.id IS NOT NULL AS is_here,
    (SELECT count(*) FROM ingestion.duplicate_events d WHERE d.workspace_id = i.workspace_id AND d.message_id = i.message_id) AS duplicates
  FROM ingestion.message_ids i
  LEFT JOIN ingestion.events e ON e.workspace_id = i.workspace_id AND e.horizon = i.horizon AND e.occurred_at = i.occurred_at AND e.id = i.event_id
  LEFT JOIN ingestion.subject_customers m ON m.workspace_id = i.workspace_id AND m.subject_id = e.subject_id AND m.ended_horizon IS NULL
  WHERE i.workspace_id = $1 AND i.message_id = $2`;
const ERASED = `
  SELECT event_id, ${isoMicros('occurred_at')} AS occurred_at, ${isoMicros('received_at')} AS received_at, NULL AS customer_id, NULL AS time_clamped,
    (SELECT count(*) FROM ingestion.duplicate_events d WHERE d.workspace_id = $1 AND d.message_id = $3) AS duplicates
  FROM ingestion.erased_message_ids i WHERE i.workspace_id = $1 AND i.digest = $2 ORDER BY i.received_at LIMIT 1`;
const LAST_SEQUENCE = String(2n ** 63n - 1n);

/** Of each of the customers $2, newest first, in the table or what was brought from archives. */
const OF_SUBJECTS = `e.workspace_id = $1 AND e.subject_id = ANY (ARRAY(
  SELECT m.subject_id FROM ingestion.subject_customers m WHERE m.workspace_id = $1 AND m.customer_id = c.id AND m.ended_horizon IS NULL))`;
const listed = (source: string, id: string, condition: string) => `
  SELECT ${id} AS id, e.type, e.name, ${isoMicros('e.occurred_at')} AS occurred_at, ${isoMicros('e.received_at')} AS received_at,
    e.sequence, e.properties::text AS properties, e.message_id, e.occurred_at AS at
  FROM ${source} e
  WHERE ${condition} AND ($3::timestamptz IS NULL OR (e.occurred_at, e.sequence) < ($3::timestamptz, $4::bigint))
  ORDER BY e.occurred_at DESC, e.sequence DESC LIMIT $5`;
const ofEach = (list: string) => `
  SELECT c.id AS customer_id, e.* FROM unnest($2::uuid[]) AS c(id) CROSS JOIN LATERAL (${list}) AS e
  ORDER BY c.id, e.at DESC, e.sequence DESC`;
const TABLED = listed('ingestion.events', 'e.id', OF_SUBJECTS);
const BROUGHT = listed('pg_temp.archived_events', 'e.event_id', 'e.workspace_id = $1 AND e.customer_id = c.id');
const HERE = ofEach(TABLED);
const ANYWHERE = ofEach(`(${TABLED}) UNION ALL (${BROUGHT}) ORDER BY at DESC, sequence DESC LIMIT $5`);
const HOW_MANY = `SELECT c.id AS customer_id, (SELECT count(*) FROM ingestion.events e WHERE ${OF_SUBJECTS})
    + (SELECT coalesce(sum(events), 0) FROM ingestion.archived_subjects_v1 a WHERE a.customer_id = c.id) AS total
  FROM unnest($2::uuid[]) AS c(id)`;

/** Of one customer. */
export interface EventList {
  /** One more than the page has, where there is one. */
  readonly rows: readonly EventRow[];
  /** 0 where nobody asked. */
  readonly total: number;
}

/** What became of events, and the events of a customer. */
export class EventRepository {
  constructor(
    private readonly database: Database,
    private readonly history: EventHistory,
    private readonly digest: KeyedDigest,
  ) {}

  /** What became of a message that was stored, wherever its event lies now, and of one whose event was erased. */
  async findStored(workspaceId: string, messageId: string): Promise<StoredReceipt | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [row] = (await client.query<StoredReceipt & { is_here: boolean }>(STORED, [workspaceId, messageId])).rows;
      if (!row) {
        const digest = this.digest(workspaceId, messageId);
        return (await client.query<StoredReceipt>(ERASED, [workspaceId, digest, erasedForm(digest)])).rows[0];
      }
      if (row.is_here) return row;
      const scope = { eventIds: [row.event_id], since: new Date(Date.parse(row.occurred_at) - 1).toISOString(), before: { at: row.occurred_at, sequence: LAST_SEQUENCE } };
      if ((await this.history.open(client, scope)) === FEED) return row;
      const archived = await client.query<Pick<StoredReceipt, 'customer_id' | 'time_clamped'>>('SELECT customer_id, time_clamped FROM pg_temp.archived_events');
      return { ...row, ...archived.rows[0] };
    });
  }

  async findRejected(workspaceId: string, messageId: string): Promise<RejectedRow | undefined> {
    return this.first(
      workspaceId,
      `SELECT ${REJECTED_COLUMNS} FROM ingestion.rejected_events WHERE workspace_id = $1 AND message_id = ANY ($2::text[]) ORDER BY id DESC LIMIT 1`,
      [workspaceId, [messageId, erasedForm(this.digest(workspaceId, messageId))]],
    );
  }

  /** For a range of arrival, with what the recount of it last found. */
  async ledger(workspaceId: string, from: string | undefined, to: string | undefined): Promise<LedgerRow> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Omit<LedgerRow, 'reconciled_at' | 'difference'>>(
        `SELECT coalesce(sum(received), 0) AS received, coalesce(sum(stored), 0) AS stored, coalesce(sum(duplicate), 0) AS duplicate,
           coalesce(sum(rejected), 0) AS rejected, ${isoMicros('now()')} AS as_of
         FROM ingestion.intake_batches
         WHERE workspace_id = $1 AND received_at >= coalesce($2::timestamptz, '-infinity') AND received_at < coalesce($3::timestamptz, 'infinity')`,
        [workspaceId, from ?? null, to ?? null],
      );
      if (!rows[0]) throw new Error('a sum without a row');
      return { ...rows[0], ...(await checkIn(client, workspaceId, from, to)) };
    });
  }

  /** Newest first; one row more than the page, and how many there are in all. */
  async listRejected(workspaceId: string, { reason, source, state }: RejectedFilter, { rows, after }: Cut): Promise<{ rows: RejectedRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const where = `workspace_id = $1 AND ($2 = '' OR reason = $2) AND ($3 = '' OR source = $3) AND ($4 = '' OR state = $4)`;
      const found = await client.query<RejectedRow>(
        `SELECT ${REJECTED_COLUMNS} FROM ingestion.rejected_events WHERE ${where} AND ($5::uuid IS NULL OR id < $5) ORDER BY id DESC LIMIT $6`,
        [workspaceId, reason, source, state, after?.[0] ?? null, rows + 1],
      );
      const counted = await client.query<{ total: string }>(`SELECT count(*) AS total FROM ingestion.rejected_events WHERE ${where}`, [workspaceId, reason, source, state]);
      return { rows: found.rows, total: Number(counted.rows[0]?.total) };
    });
  }

  /** Newest first, by the ids asked for, without unknown ones: as many statements for many as for one. A merged customer's id lists those of the one it went into. */
  async listOfCustomers(workspaceId: string, customerIds: readonly string[], { rows, after }: Cut, withTotal: boolean): Promise<Map<string, EventList>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const current = (await client.query<{ requested: string; id: string }>(CURRENT_CUSTOMERS, [workspaceId, customerIds])).rows;
      const ids = [...new Set(current.map(({ id }) => id))];
      const most = rows + 1;
      const scope = { customerIds: ids, latest: most, ...(after ? { before: { at: after[0] ?? '', sequence: after[1] ?? '' } } : {}) };
      const archived = await this.history.reaching(client, scope);
      const read = async (statement: string) => {
        const found = await client.query<EventRow & { customer_id: string }>(statement, [workspaceId, ids, after?.[0] ?? null, after?.[1] ?? null, most]);
        return Map.groupBy(found.rows, ({ customer_id }) => customer_id);
      };
      const here = await read(HERE);
      const oldest = (id: string | null) => {
        const theirs = here.get(id ?? '') ?? [];
        return theirs.length < most ? -Infinity : Date.parse(theirs.at(-1)?.occurred_at ?? '');
      };
      const missing = archived.filter(({ customerId, lastAt }) => (lastAt ?? Infinity) / 1000 >= oldest(customerId));
      if (missing.length > 0) await this.history.bring(client, missing, scope);
      const found = missing.length > 0 ? await read(ANYWHERE) : here;
      const counted = withTotal ? (await client.query<{ customer_id: string; total: string }>(HOW_MANY, [workspaceId, ids])).rows : [];
      const totals = new Map(counted.map(({ customer_id, total }) => [customer_id, Number(total)]));
      return new Map(current.map(({ requested, id }) => [requested, { rows: found.get(id) ?? [], total: totals.get(id) ?? 0 }]));
    });
  }

  private async first<Row extends object>(workspaceId: string, text: string, values: unknown[]): Promise<Row | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<Row>(text, values)).rows[0]);
  }
}
