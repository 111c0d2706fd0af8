import { Client } from 'pg';

import type { GraphqlTarget } from './load.ts';
import type { Shop } from './shop.ts';

/** Tells PostGraphile of the relations that the tables have and do not declare, for it to join by. */
export async function relate({ ownerUrl }: Shop): Promise<void> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  const toSegment = '@foreignKey (workspace_id, segment_id) references serving.segments (workspace_id, id)|@fieldName segment';
  await client.query(`comment on table serving.memberships is '${toSegment}'`);
  await client.query(`comment on table serving.segment_sizes is '${toSegment}|@foreignFieldName size'`);
  await client.end();
}

/** The same two questions; the customer's id is given, so that the look-up of the user id is spared. */
export function questions(port: number, { workspaceId, customers }: Shop): { lookup: GraphqlTarget; list: GraphqlTarget } {
  const url = `http://127.0.0.1:${port}/graphql`;
  const lookup = `query($workspaceId: UUID!, $customerId: UUID!) {
    allMemberships(condition: { workspaceId: $workspaceId, customerId: $customerId, until: null }) { nodes { segment { name } strength since } } }`;
  const list = `query($workspaceId: UUID!) {
    allSegments(first: 25, condition: { workspaceId: $workspaceId }) { nodes { id name description size { members } } } }`;
  return {
    lookup: { url, bodies: customers.map(({ customerId }) => JSON.stringify({ query: lookup, variables: { workspaceId, customerId } })) },
    list: { url, bodies: [JSON.stringify({ query: list, variables: { workspaceId } })] },
  };
}
