import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { type Cut, isoMicros } from '../page.js';
import { CURRENT_CUSTOMERS } from './customer.sql.js';

export interface CustomerRow {
  id: string;
  user_id: string | null;
  anonymous_ids: string[];
  first_seen_at: string | null;
  last_seen_at: string | null;
  created_at: string;
  event_count: string;
  archived_event_count: string;
  attributes: string;
}

/** Of one customer; the oldest few of a device that changes its id all the time. */
const MOST_ANONYMOUS_IDS = 100;

// Counted from the events themselves, and from what archives hold of each subject, so that it is right after every merge, undo and erasure.
// A customer bears the id of the subject that it began with: one that was merged into another is that subject by itself.
const CUSTOMERS = `
  SELECT c.id, ${isoMicros('c.created_at')} AS created_at, i.user_id, coalesce(i.anonymous_ids, '{}') AS anonymous_ids,
    ${isoMicros('s.first_seen_at')} AS first_seen_at, ${isoMicros('s.last_seen_at')} AS last_seen_at, s.event_count, s.archived_event_count, a.attributes
  FROM ingestion.customers c
  CROSS JOIN LATERAL (
    SELECT CASE WHEN c.merged_into IS NULL THEN array_agg(m.subject_id) ELSE ARRAY[c.id] END AS subjects FROM ingestion.subject_customers m
    WHERE m.workspace_id = $1 AND m.customer_id = c.id AND m.ended_horizon IS NULL
  ) m
  CROSS JOIN LATERAL (
    SELECT (array_agg(b.external_id ORDER BY b.id) FILTER (WHERE b.kind = 'USER'))[1] AS user_id,
      (array_agg(b.external_id ORDER BY b.id) FILTER (WHERE b.kind = 'ANONYMOUS'))[1:${MOST_ANONYMOUS_IDS}] AS anonymous_ids
    FROM ingestion.subjects b WHERE b.workspace_id = $1 AND b.id = ANY (m.subjects)
  ) i
  CROSS JOIN LATERAL (
    SELECT least(e.first_at, r.first_at) AS first_seen_at, greatest(e.last_at, r.last_at) AS last_seen_at,
      e.events + r.events AS event_count, r.events AS archived_event_count
    FROM (
      SELECT min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at, count(*) AS events
      FROM ingestion.events e WHERE e.workspace_id = $1 AND e.subject_id = ANY (m.subjects)
    ) e, (
      SELECT min(r.first_occurred_at) AS first_at, max(r.last_occurred_at) AS last_at, coalesce(sum(r.events), 0)::bigint AS events
      FROM ingestion.archived_subjects r WHERE r.workspace_id = $1 AND r.subject_id = ANY (m.subjects)
    ) r
  ) s
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(t.name, t.value), '{}')::text AS attributes
    FROM (
      SELECT DISTINCT ON (t.name) t.name, t.value FROM ingestion.subject_attributes t
      WHERE t.workspace_id = $1 AND t.subject_id = ANY (m.subjects) ORDER BY t.name, t.occurred_at DESC
    ) t
  ) a
  WHERE c.workspace_id = $1 AND c.id = ANY ($2::uuid[])
  ORDER BY c.id`;

const RESOLVED = `
  SELECT s.external_id, m.customer_id AS id FROM ingestion.subjects s
  JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.subject_id = s.id AND m.ended_horizon IS NULL
  WHERE s.workspace_id = $1 AND s.kind = $2 AND s.external_id = ANY ($3::text[])`;

const LISTED = `
  c.workspace_id = $1 AND c.merged_into IS NULL AND ($2 = '' OR c.id IN (
    SELECT m.customer_id FROM ingestion.subjects s
    JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.subject_id = s.id AND m.ended_horizon IS NULL
    WHERE s.workspace_id = $1 AND s.kind = 'USER' AND s.external_id ^@ $2))`;

/** Ids alone, in order of those asked for; `external_ids` are all that lead to the customer. */
const NAMED = `
  SELECT q.requested AS "requestedId", q.id, (array_agg(s.external_id ORDER BY s.id) FILTER (WHERE s.kind = 'USER'))[1] AS "userId",
    (array_agg(s.external_id ORDER BY s.id) FILTER (WHERE s.kind = 'ANONYMOUS'))[1] AS "anonymousId",
    coalesce(array_agg(s.external_id) FILTER (WHERE s.external_id IS NOT NULL), '{}') AS "externalIds"
  FROM (${CURRENT_CUSTOMERS}) q
  LEFT JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.customer_id = q.id AND m.ended_horizon IS NULL
  LEFT JOIN ingestion.subjects s ON s.workspace_id = $1 AND s.id = m.subject_id
  GROUP BY 1, 2`;

/** Makes the digests that the list of suppressed ids is of. */
export const ID_DIGEST = Symbol('ID_DIGEST');

export interface CustomerNames {
  readonly requestedId: string;
  readonly id: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly externalIds: readonly string[];
}

/** Customers as their subjects and events make them. */
export class CustomerRepository {
  constructor(private readonly database: Database) {}

  /** By the id that was asked for; unknown ones are left out. Merged ones redirect, or are by themselves where `unmerged`. */
  async find(workspaceId: string, ids: readonly string[], unmerged = false): Promise<Map<string, CustomerRow>> {
    return this.database.onConnection(workspaceId, async (client) => {
      if (unmerged) return byIds(client, workspaceId, ids);
      const current = await client.query<{ requested: string; id: string }>({ name: 'current-customers', text: CURRENT_CUSTOMERS, values: [workspaceId, ids] });
      const byId = await byIds(client, workspaceId, current.rows.map(({ id }) => id));
      return new Map(
        current.rows.flatMap(({ requested, id }) => {
          const row = byId.get(id);
          return row ? [[requested, row] as const] : [];
        }),
      );
    });
  }

  /** By the outside id that was asked for; unknown ones are left out. */
  async resolve(workspaceId: string, kind: 'USER' | 'ANONYMOUS', externalIds: readonly string[]): Promise<Map<string, CustomerRow>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ external_id: string; id: string }>({ name: 'resolve-customers', text: RESOLVED, values: [workspaceId, kind, externalIds] });
      const byId = await byIds(client, workspaceId, rows.map(({ id }) => id));
      return new Map(
        rows.flatMap(({ external_id, id }) => {
          const row = byId.get(id);
          return row ? [[external_id, row] as const] : [];
        }),
      );
    });
  }

  /** The ids they have outside; unknown ones are left out. */
  async names(workspaceId: string, ids: readonly string[]): Promise<CustomerNames[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<CustomerNames>(NAMED, [workspaceId, ids])).rows);
  }

  /** Those of the digests whose events are dropped, in hex. */
  async suppressedAmong(workspaceId: string, digests: readonly Buffer[]): Promise<Set<string>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT encode(digest, 'hex') AS digest FROM ingestion.suppressed_ids WHERE workspace_id = $1 AND digest = ANY ($2::bytea[])`;
      return new Set((await client.query<{ digest: string }>(sql, [workspaceId, digests])).rows.map(({ digest }) => digest));
    });
  }

  /** Whose these user ids are; unknown ones are left out. Counts nothing of them, so its cost does not grow with their events. */
  async locate(workspaceId: string, userIds: readonly string[]): Promise<{ userId: string; customerId: string }[]> {
    const rows = await this.database.read<{ external_id: string; id: string }>(workspaceId, { name: 'resolve-customers', text: RESOLVED, values: [workspaceId, 'USER', userIds] });
    return rows.map(({ external_id, id }) => ({ userId: external_id, customerId: id }));
  }

  /** In order of id; one row more than the page, and how many there are in all. */
  async list(workspaceId: string, search: string, { rows, after }: Cut): Promise<{ rows: CustomerRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const ids = await client.query<{ id: string }>(
        `SELECT c.id FROM ingestion.customers c WHERE ${LISTED} AND ($3::uuid IS NULL OR c.id > $3) ORDER BY c.id LIMIT $4`,
        [workspaceId, search, after?.[0] ?? null, rows + 1],
      );
      const found = await byIds(client, workspaceId, ids.rows.map(({ id }) => id));
      const counted = await client.query<{ total: string }>(`SELECT count(*) AS total FROM ingestion.customers c WHERE ${LISTED}`, [workspaceId, search]);
      return { rows: [...found.values()], total: Number(counted.rows[0]?.total) };
    });
  }
}

/** In order of id. Planned once a connection: there is a plan to be made for every partition of events. */
async function byIds(client: PoolClient, workspaceId: string, ids: readonly string[]): Promise<Map<string, CustomerRow>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<CustomerRow>({ name: 'customers', text: CUSTOMERS, values: [workspaceId, [...new Set(ids)]] });
  return new Map(rows.map((row) => [row.id, row]));
}
