import type { PoolClient } from 'pg';

import type { KeyedDigest } from '../identity/keyed.digest.js';

const DIGEST_BYTES = 32;
/** `$2`: the digests one behind the other, which is read several times as fast as an array. */
const FIND = {
  name: 'find_erased_message_ids',
  text: `
    SELECT digest FROM ingestion.erased_message_ids
    WHERE workspace_id = $1::uuid AND digest = ANY (ARRAY(SELECT substring($2::bytea FROM at FOR ${DIGEST_BYTES}) FROM generate_series(1, length($2::bytea), ${DIGEST_BYTES}) AS at))`,
};
const ERASE = `
  WITH gone AS (
    DELETE FROM ingestion.message_ids WHERE workspace_id = $1::uuid AND message_id = ANY ($2::text[])
    RETURNING message_id, event_id, occurred_at, received_at
  )
  INSERT INTO ingestion.erased_message_ids (workspace_id, digest, event_id, occurred_at, received_at)
  SELECT $1::uuid, e.digest, gone.event_id, gone.occurred_at, gone.received_at
  FROM gone JOIN unnest($2::text[], $3::bytea[]) AS e (message_id, digest) USING (message_id)`;

/** How a message id that is forgotten stands in a column of message ids. */
export const erasedForm = (digest: Buffer) => digest.toString('hex');

/** Those of the message ids whose events were erased, each with the form in which it is kept. To be asked with the identity gate open. */
export async function findErased(client: PoolClient, workspaceId: string, messageIds: readonly string[], digest: KeyedDigest): Promise<ReadonlyMap<string, string>> {
  const digests = messageIds.map((id) => digest(workspaceId, id));
  const { rows } = await client.query<{ digest: Buffer }>({ ...FIND, values: [workspaceId, Buffer.concat(digests)] });
  const found = new Set(rows.map((row) => erasedForm(row.digest)));
  const forms = digests.map(erasedForm);
  return new Map(messageIds.flatMap((id, at): [string, string][] => (found.has(forms[at] ?? '') ? [[id, forms[at] ?? '']] : [])));
}

/** Keeps digests in the place of message ids, for good: what comes under them again is a duplicate. To be called with the identity gate closed. */
export async function eraseMessageIds(client: PoolClient, workspaceId: string, messageIds: readonly string[], digest: KeyedDigest): Promise<void> {
  await client.query(ERASE, [workspaceId, messageIds, messageIds.map((id) => digest(workspaceId, id))]);
}
