import type { SegmentKey } from '../backend/caller.reads.js';
import { mapConnection, type Paging, readConnection } from '../graphql/connection.js';
import type { GatewayContext } from '../graphql/context.js';
import type { CustomerConnection } from '../graphql/message.js';

/** A segment's members, as drawn by a model or as of a time, strongest first, as customers. */
export async function listMembers(of: SegmentKey, paging: Paging, { rpc, loaders }: GatewayContext): Promise<CustomerConnection> {
  const { id: segmentId, modelId, asOf: past } = of;
  let asOf = past;
  const members = await readConnection(paging, async (page) => {
    if (past !== '') {
      const { members: rows, pageInfo } = await rpc.history.listPastMembers({ segmentId, asOf: past, page });
      return { rows, pageInfo };
    }
    const answer = await (modelId === '' ? rpc.segments.listSegmentMembers({ segmentId, page }) : rpc.segments.listDrawnMembers({ segmentId, modelId, page }));
    asOf = answer.asOf ?? new Date().toISOString();
    return { rows: answer.members, pageInfo: answer.pageInfo };
  });
  const byId = new Map(await Promise.all(members.nodes.map(async ({ customerId }) => [customerId, await loaders.customer.load(customerId)] as const)));
  const connection = mapConnection(members, ({ customerId, membership }) => {
    const node = byId.get(customerId);
    return node && { node, membership: membership && { ...membership, customerId } };
  });
  return { ...connection, asOf, of };
}
