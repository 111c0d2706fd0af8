import type { Database } from '#libs/database';

/** Whom user ids are of: nothing else is read, so that thousands can be asked for at once. */
const FOUND = `
  SELECT s.external_id AS user_id, m.customer_id FROM ingestion.subjects s
  JOIN ingestion.subject_customers m ON m.workspace_id = $1 AND m.subject_id = s.id AND m.ended_horizon IS NULL
  WHERE s.workspace_id = $1 AND s.kind = 'USER' AND s.external_id = ANY ($2::text[])`;

export class CustomerListRepository {
  constructor(private readonly database: Database) {}

  async find(workspaceId: string, userIds: readonly string[]): Promise<{ userId: string; customerId: string }[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ user_id: string; customer_id: string }>({ name: 'customer-ids', text: FOUND, values: [workspaceId, userIds] });
      return rows.map(({ user_id, customer_id }) => ({ userId: user_id, customerId: customer_id }));
    });
  }
}
