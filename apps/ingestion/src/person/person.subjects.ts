import type { PoolClient } from 'pg';

import { CURRENT_CUSTOMERS } from '../customer/customer.sql.js';
import type { PersonRequestRow } from './person.repository.js';

/** A person as the tables know them. */
export interface PersonSubjects {
  readonly subjectIds: readonly string[];
  /** Every customer id that is or was theirs. */
  readonly customerIds: readonly string[];
  /** The ids that their events carry, with the one that was given. */
  readonly userIds: readonly string[];
  readonly anonymousIds: readonly string[];
}

/** An id and its kind, as requests remember the one that was given. */
export const givenId = (kind: 'USER' | 'ANONYMOUS', id: string) => `${kind}:${id}`;

/** All subjects of the person that a request is of, as their customer is now. */
export async function subjectsOf(client: PoolClient, workspaceId: string, { customer_ids, external_ids }: PersonRequestRow): Promise<PersonSubjects> {
  const current = await client.query<{ id: string }>(CURRENT_CUSTOMERS, [workspaceId, customer_ids]);
  const { rows } = await client.query<{ id: string; kind: 'USER' | 'ANONYMOUS'; external_id: string }>(
    `SELECT s.id, s.kind, s.external_id FROM ingestion.subject_customers m
     JOIN ingestion.subjects s ON s.workspace_id = $1 AND s.id = m.subject_id
     WHERE m.workspace_id = $1 AND m.customer_id = ANY ($2::uuid[]) AND m.ended_horizon IS NULL`,
    [workspaceId, current.rows.map(({ id }) => id)],
  );
  const subjectIds = rows.map(({ id }) => id);
  // A customer bears the id of one of its subjects, so these are all that ever led here.
  const { rows: founded } = await client.query<{ id: string }>('SELECT id FROM ingestion.customers WHERE workspace_id = $1 AND id = ANY ($2::uuid[])', [workspaceId, subjectIds]);
  const carried = [...rows.map(({ kind, external_id }) => givenId(kind, external_id)), ...(external_ids ?? [])];
  const idsOf = (kind: 'USER' | 'ANONYMOUS') => [...new Set(carried.filter((id) => id.startsWith(givenId(kind, ''))).map((id) => id.slice(givenId(kind, '').length)))];
  return {
    subjectIds,
    customerIds: [...new Set([...customer_ids, ...founded.map(({ id }) => id)])],
    userIds: idsOf('USER'),
    anonymousIds: idsOf('ANONYMOUS'),
  };
}
