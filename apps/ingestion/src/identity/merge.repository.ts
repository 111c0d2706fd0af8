import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';
import { type EventHistory, FEED } from '#libs/history';

import { CURRENT_CUSTOMERS } from '../customer/customer.sql.js';
import { type Cut, isoMicros } from '../page.js';
import { CLOSE_IDENTITY_GATE } from './identity.gate.js';
import { type ForestSubject, type Meeting, treesOf } from './merge.forest.js';

export interface MergeRow {
  id: string;
  cause: 'SEEN_TOGETHER' | 'ALIAS';
  from_kind: 'USER' | 'ANONYMOUS';
  from_external_id: string;
  into_external_id: string;
  from_customer_id: string;
  into_customer_id: string;
  occurred_at: string;
  created_at: string;
  undone_at: string | null;
  undone_by: string | null;
  event_id: string | null;
  into_subject_id: string;
  event: CausingEvent | null;
}

interface CausingEvent {
  id: string;
  type: string;
  name: string;
  received_at: string;
  properties: string;
  message_id: string;
}

export type Undoing =
  | { readonly outcome: 'UNKNOWN' | 'UNDONE_BEFORE' }
  | { readonly outcome: 'UNDONE'; readonly merge: MergeRow; readonly customerIds: readonly string[] };

const eventAs = (id: string) => `json_build_object('id', ${id}, 'type', e.type, 'name', e.name, 'received_at', ${isoMicros('e.received_at')},
  'properties', e.properties::text, 'message_id', e.message_id)`;
// The event is found by its subject and time; its own id has no index.
const MERGES = `
  SELECT g.id, g.cause, f.kind AS from_kind, f.external_id AS from_external_id, i.external_id AS into_external_id, g.from_customer_id, g.into_customer_id,
    ${isoMicros('g.occurred_at')} AS occurred_at, ${isoMicros('g.created_at')} AS created_at, ${isoMicros('g.undone_at')} AS undone_at, g.undone_by,
    g.event_id, g.into_subject_id,
    (SELECT ${eventAs('e.id')}
      FROM ingestion.events e
      WHERE e.workspace_id = g.workspace_id AND e.subject_id = g.into_subject_id AND e.occurred_at = g.occurred_at AND e.id = g.event_id) AS event
  FROM ingestion.customer_merges g
  JOIN ingestion.subjects f ON f.workspace_id = g.workspace_id AND f.id = g.from_subject_id
  JOIN ingestion.subjects i ON i.workspace_id = g.workspace_id AND i.id = g.into_subject_id
  WHERE g.workspace_id = $1`;
const OF_CUSTOMER = `
  SELECT id FROM ingestion.customer_merges g WHERE g.workspace_id = $1 AND g.from_subject_id IN (SELECT subject_id FROM held)
  UNION
  SELECT id FROM ingestion.customer_merges g WHERE g.workspace_id = $1 AND g.into_subject_id IN (SELECT subject_id FROM held)`;
const HELD = `SELECT subject_id FROM ingestion.subject_customers WHERE workspace_id = $1 AND customer_id = c.id AND ended_horizon IS NULL`;
/** Of each of the customers $2. */
const OF_CUSTOMERS = `
  SELECT c.id AS customer_id, m.* FROM unnest($2::uuid[]) AS c(id) CROSS JOIN LATERAL (
    WITH held AS (${HELD}), of_customer AS (${OF_CUSTOMER})
    ${MERGES} AND g.id IN (SELECT id FROM of_customer) AND ($3::uuid IS NULL OR g.id < $3) ORDER BY g.id DESC LIMIT $4) AS m
  ORDER BY c.id, m.id DESC`;
const HOW_MANY = `SELECT c.id AS customer_id, (WITH held AS (${HELD}) SELECT count(*) FROM (${OF_CUSTOMER}) m) AS total FROM unnest($2::uuid[]) AS c(id)`;

/** Of one customer. */
export interface MergeList {
  /** One more than the page has, where there is one. */
  readonly rows: readonly MergeRow[];
  /** 0 where nobody asked. */
  readonly total: number;
}

/** What joined the ids of customers, and how they are taken apart again. */
export class MergeRepository {
  constructor(
    private readonly database: Database,
    private readonly history: EventHistory,
  ) {}

  /** Newest first, by the ids asked for, without unknown ones: as many statements for many as for one. */
  async listOfCustomers(workspaceId: string, customerIds: readonly string[], { rows, after }: Cut, withTotal: boolean): Promise<Map<string, MergeList>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const current = (await client.query<{ requested: string; id: string }>(CURRENT_CUSTOMERS, [workspaceId, customerIds])).rows;
      const ids = [...new Set(current.map(({ id }) => id))];
      const found = await client.query<MergeRow & { customer_id: string }>(OF_CUSTOMERS, [workspaceId, ids, after?.[0] ?? null, rows + 1]);
      const byCustomer = Map.groupBy(await this.withEvents(client, found.rows), ({ customer_id }) => customer_id);
      const counted = withTotal ? (await client.query<{ customer_id: string; total: string }>(HOW_MANY, [workspaceId, ids])).rows : [];
      const totals = new Map(counted.map(({ customer_id, total }) => [customer_id, Number(total)]));
      return new Map(current.map(({ requested, id }) => [requested, { rows: byCustomer.get(id) ?? [], total: totals.get(id) ?? 0 }]));
    });
  }

  /** With the events that lie in archives; where one was erased, it stays away. */
  private async withEvents<Row extends MergeRow>(client: PoolClient, merges: Row[]): Promise<Row[]> {
    const missing = merges.filter(({ event, event_id }) => event === null && event_id !== null);
    if (missing.length === 0) return merges;
    const scope = { subjectIds: missing.map(({ into_subject_id }) => into_subject_id), eventIds: missing.flatMap(({ event_id }) => event_id ?? []) };
    if ((await this.history.open(client, scope)) === FEED) return merges;
    const { rows } = await client.query<{ event: CausingEvent }>(`SELECT ${eventAs('e.event_id')} AS event FROM pg_temp.archived_events e`);
    const events = new Map(rows.map(({ event }) => [event.id, event]));
    return merges.map((merge) => ({ ...merge, event: merge.event ?? events.get(merge.event_id ?? '') ?? null }));
  }

  /** Undoes a meeting of two ids and remembers that they are two people. Commits wait meanwhile, so files are read after. */
  async undo(workspaceId: string, id: string, actor: string): Promise<Undoing> {
    const undoing = await this.split(workspaceId, id, actor);
    if (undoing.outcome !== 'UNDONE') return undoing;
    const [merge = undoing.merge] = await this.database.onConnection(workspaceId, (client) => this.withEvents(client, [undoing.merge]));
    return { ...undoing, merge };
  }

  private async split(workspaceId: string, id: string, actor: string): Promise<Undoing> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(CLOSE_IDENTITY_GATE, [workspaceId]);
      const undone = await client.query<{ from_subject_id: string; into_subject_id: string }>(
        `UPDATE ingestion.customer_merges SET undone_at = now(), undone_by = $3 WHERE workspace_id = $1 AND id = $2 AND undone_at IS NULL
         RETURNING from_subject_id, into_subject_id`,
        [workspaceId, id, actor],
      );
      const met = undone.rows[0];
      const read = async () => (await client.query<MergeRow>(`${MERGES} AND g.id = $2`, [workspaceId, id])).rows[0];
      if (!met) return { outcome: (await read()) ? 'UNDONE_BEFORE' : 'UNKNOWN' };
      const pair = [met.from_subject_id, met.into_subject_id];
      await client.query(
        `INSERT INTO ingestion.split_subjects (workspace_id, subject_id, other_subject_id, merge_id)
         VALUES ($1, $2, $3, $4), ($1, $3, $2, $4) ON CONFLICT DO NOTHING`,
        [workspaceId, ...pair, id],
      );
      await settle(client, workspaceId, met.into_subject_id);
      const merge = await read();
      if (!merge) throw new Error(`merge ${id} vanished while it was undone`);
      return { outcome: 'UNDONE', merge, customerIds: await customersOf(client, workspaceId, pair) };
    });
  }
}

/** Brings the customer of a subject to where its meetings say: subjects that no longer hang together part. */
async function settle(client: PoolClient, workspaceId: string, subjectId: string): Promise<void> {
  const { rows: subjects } = await client.query<ForestSubject & { customer_id: string }>(
    `SELECT s.id, s.kind, m.customer_id FROM ingestion.subject_customers m
     JOIN ingestion.subjects s ON s.workspace_id = $1 AND s.id = m.subject_id
     WHERE m.workspace_id = $1 AND m.ended_horizon IS NULL AND m.customer_id = (
       SELECT customer_id FROM ingestion.subject_customers WHERE workspace_id = $1 AND subject_id = $2 AND ended_horizon IS NULL)`,
    [workspaceId, subjectId],
  );
  const { rows: meetings } = await client.query<Meeting>(
    `SELECT id, from_subject_id AS "from", into_subject_id AS "into" FROM ingestion.customer_merges
     WHERE workspace_id = $1 AND from_subject_id = ANY ($2::uuid[]) AND undone_at IS NULL`,
    [workspaceId, subjects.map(({ id }) => id)],
  );
  const places = treesOf(subjects, meetings).flatMap(({ customerId, subjects: held }) => held.map(({ id }) => ({ subject_id: id, customer_id: customerId })));
  await client.query(
    `WITH places AS (SELECT * FROM json_to_recordset($2::json) AS r (subject_id uuid, customer_id uuid)), ended AS (
       UPDATE ingestion.subject_customers m SET ended_horizon = ingestion.current_horizon() FROM places p
       WHERE m.workspace_id = $1 AND m.subject_id = p.subject_id AND m.ended_horizon IS NULL AND m.customer_id <> p.customer_id
       RETURNING m.subject_id, m.version, p.customer_id
     )
     INSERT INTO ingestion.subject_customers (workspace_id, subject_id, version, customer_id)
     SELECT $1, subject_id, version + 1, customer_id FROM ended`,
    [workspaceId, JSON.stringify(places)],
  );
  // Ids that were a customer's redirect to the one that their subject belongs to now.
  await client.query(
    `WITH places AS (SELECT * FROM json_to_recordset($2::json) AS r (subject_id uuid, customer_id uuid)), founded AS (
       INSERT INTO ingestion.customers (workspace_id, id) SELECT DISTINCT $1::uuid, customer_id FROM places ON CONFLICT DO NOTHING
     )
     UPDATE ingestion.customers c SET merged_into = nullif(p.customer_id, c.id) FROM places p WHERE c.workspace_id = $1 AND c.id = p.subject_id`,
    [workspaceId, JSON.stringify(places)],
  );
}

async function customersOf(client: PoolClient, workspaceId: string, subjectIds: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ customer_id: string }>(
    `SELECT m.customer_id FROM unnest($2::uuid[]) WITH ORDINALITY AS given (id, place)
     JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.subject_id = given.id AND m.ended_horizon IS NULL ORDER BY given.place`,
    [workspaceId, subjectIds],
  );
  return rows.map(({ customer_id }) => customer_id);
}
