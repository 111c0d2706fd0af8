import type { PoolClient } from 'pg';

import type { Database, Position } from '#libs/database';
import { type Attempt, StaleAttempt } from '#libs/queue';

import { CURRENT_CUSTOMERS } from '../customer/customer.sql.js';
import { SHARE_IDENTITY_GATE } from '../identity/identity.gate.js';
import { type Cut, isoMicros } from '../page.js';

export type PersonRequestKind = 'EXPORT' | 'ERASE' | 'SUPPRESS';
export type PersonRequestState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED';
/** Rows by table, "ingestion.events". */
export type TableRows = Readonly<Record<string, number>>;

export interface PersonRequestRow {
  id: string;
  kind: PersonRequestKind;
  state: PersonRequestState;
  requested_by: string;
  /** With their kinds, "USER:u1"; null once it has ended. */
  external_ids: string[] | null;
  customer_ids: string[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  fence: number;
  deleted: TableRows;
  first_horizon: string | null;
  first_sequence: string | null;
  artifact: string | null;
  receipt: string | null;
  error: string;
}

/** Whom a request is of, by one of their ids. */
export type PersonKey = { readonly kind: 'CUSTOMER' | 'USER' | 'ANONYMOUS'; readonly value: string };

const COLUMNS = `id, kind, state, requested_by, external_ids, customer_ids::text[] AS customer_ids, ${isoMicros('created_at')} AS created_at,
  ${isoMicros('started_at')} AS started_at, ${isoMicros('finished_at')} AS finished_at, fence, deleted, first_horizon, first_sequence, artifact, receipt, error`;
const OURS = `workspace_id = $1 AND id = $2 AND fence = $3 AND state = 'RUNNING'`;

/** Rows of requests; `open_person_requests` follows them in the same transactions. */
export class PersonRequestRepository {
  constructor(private readonly database: Database) {}

  /** The customer that has an id now. */
  async customerOf(workspaceId: string, { kind, value }: PersonKey): Promise<string | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      if (kind === 'CUSTOMER') return (await client.query<{ id: string }>(CURRENT_CUSTOMERS, [workspaceId, [value]])).rows[0]?.id;
      const { rows } = await client.query<{ id: string }>(
        `SELECT m.customer_id AS id FROM ingestion.subjects s
         JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.subject_id = s.id AND m.ended_horizon IS NULL
         WHERE s.workspace_id = $1 AND s.kind = $2 AND s.external_id = $3`,
        [workspaceId, kind, value],
      );
      return rows[0]?.id;
    });
  }

  async insert(workspaceId: string, row: { id: string; kind: PersonRequestKind; requestedBy: string; externalIds: string[]; customerIds: string[] }): Promise<PersonRequestRow> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PersonRequestRow>(
        `INSERT INTO ingestion.person_requests (workspace_id, id, kind, state, requested_by, external_ids, customer_ids)
         VALUES ($1, $2, $3, 'QUEUED', $4, $5, $6) RETURNING ${COLUMNS}`,
        [workspaceId, row.id, row.kind, row.requestedBy, row.externalIds, row.customerIds],
      );
      await client.query('INSERT INTO ingestion.open_person_requests (workspace_id, id) VALUES ($1, $2)', [workspaceId, row.id]);
      if (!rows[0]) throw new Error(`request ${row.id} was not kept`);
      return rows[0];
    });
  }

  async find(workspaceId: string, id: string): Promise<PersonRequestRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT ${COLUMNS} FROM ingestion.person_requests WHERE workspace_id = $1 AND id = $2`;
      return (await client.query<PersonRequestRow>(sql, [workspaceId, id])).rows[0];
    });
  }

  /** Newest first; one row more than the page, and how many there are in all. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ rows: PersonRequestRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const found = await client.query<PersonRequestRow>(
        `SELECT ${COLUMNS} FROM ingestion.person_requests WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [workspaceId, after?.[0] ?? null, rows + 1],
      );
      const counted = await client.query<{ total: string }>('SELECT count(*) AS total FROM ingestion.person_requests WHERE workspace_id = $1', [workspaceId]);
      return { rows: found.rows, total: Number(counted.rows[0]?.total) };
    });
  }

  /** Over all workspaces. */
  async open(): Promise<{ workspaceId: string; requestId: string }[]> {
    const { rows } = await this.database.pool.query<{ workspace_id: string; id: string }>('SELECT workspace_id, id FROM ingestion.open_person_requests ORDER BY id LIMIT 1000');
    return rows.map(({ workspace_id, id }) => ({ workspaceId: workspace_id, requestId: id }));
  }

  /** Begins an attempt, which ends the right of any earlier one to write; undefined: the request has ended. */
  async begin(workspaceId: string, id: string): Promise<PersonRequestRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `UPDATE ingestion.person_requests SET state = 'RUNNING', fence = fence + 1, started_at = coalesce(started_at, now())
        WHERE workspace_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING ${COLUMNS}`;
      return (await client.query<PersonRequestRow>(sql, [workspaceId, id])).rows[0];
    });
  }

  /** What an erasure took away, in its own transaction; later attempts add what they still find. */
  async addErased(client: PoolClient, { workspaceId, id, fence }: Attempt, erased: { customerIds: readonly string[]; deleted: TableRows; first: Position | undefined }): Promise<PersonRequestRow> {
    const { rows } = await client.query<PersonRequestRow>(
      `UPDATE ingestion.person_requests SET customer_ids = ARRAY(SELECT DISTINCT unnest(customer_ids || $4::uuid[])),
         deleted = (SELECT coalesce(jsonb_object_agg(name, total), '{}') FROM (
           SELECT name, sum(rows::bigint) AS total FROM (SELECT * FROM jsonb_each_text(deleted) UNION ALL SELECT * FROM jsonb_each_text($5::jsonb)) t (name, rows) GROUP BY name) s),
         first_horizon = CASE WHEN $6::bigint < first_horizon OR first_horizon IS NULL THEN $6 ELSE first_horizon END,
         first_sequence = CASE WHEN $6::bigint < first_horizon OR first_horizon IS NULL THEN $7 ELSE first_sequence END
       WHERE ${OURS} RETURNING ${COLUMNS}`,
      [workspaceId, id, fence, erased.customerIds, JSON.stringify(erased.deleted), erased.first?.horizon ?? null, erased.first?.sequence ?? null],
    );
    if (!rows[0]) throw new StaleAttempt();
    return rows[0];
  }

  /** Adds ids to those whose events are dropped; answers how many were not among them. */
  async suppress({ workspaceId, id }: Attempt, digests: readonly Buffer[]): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `INSERT INTO ingestion.suppressed_ids (workspace_id, digest, request_id) SELECT $1, digest, $2 FROM unnest($3::bytea[]) AS digest ON CONFLICT DO NOTHING`,
        [workspaceId, id, digests],
      );
      return rowCount ?? 0;
    });
  }

  /** Ends it well: from here on the row names no id that events carried. False where the person was erased meanwhile: then it keeps no file. */
  async succeed(attempt: Attempt, { receipt, artifact }: { receipt: string; artifact?: string | undefined }): Promise<boolean> {
    const isErased = `EXISTS (SELECT FROM ingestion.erased_customers e WHERE e.workspace_id = $1 AND e.customer_id = ANY (customer_ids))`;
    const kept = await this.end(attempt, `state = 'SUCCEEDED', receipt = $4, artifact = CASE WHEN NOT ${isErased} THEN $5 END`, [receipt, artifact ?? null]);
    return kept !== null;
  }

  async fail(attempt: Attempt, error: string): Promise<void> {
    await this.end(attempt, `state = 'FAILED', error = $4`, [error]);
  }

  /** Answers the artefact that the row keeps. */
  private async end({ workspaceId, id, fence }: Attempt, change: string, values: readonly unknown[]): Promise<string | null> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(SHARE_IDENTITY_GATE, [workspaceId]);
      const sql = `UPDATE ingestion.person_requests SET ${change}, external_ids = NULL, finished_at = now() WHERE ${OURS} RETURNING artifact`;
      const { rows } = await client.query<{ artifact: string | null }>(sql, [workspaceId, id, fence, ...values]);
      if (!rows[0]) throw new StaleAttempt();
      await client.query('DELETE FROM ingestion.open_person_requests WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
      return rows[0].artifact;
    });
  }
}
