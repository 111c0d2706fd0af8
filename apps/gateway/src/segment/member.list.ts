import { type Connection, mapConnection, type Paging, readConnection } from '../graphql/connection.js';
import type { GatewayContext } from '../graphql/context.js';
import type { Customer, Membership } from '../graphql/message.js';

export type MemberConnection = Connection<Customer> & {
  readonly asOf: string;
  readonly edges: { node: Customer; cursor: string; membership: Membership | undefined }[];
};

/** A segment's members, now or at a `past` time, strongest first, as customers. */
export async function listMembers(segmentId: string, paging: Paging, { rpc, loaders }: GatewayContext, past?: string): Promise<MemberConnection> {
  let asOf = past ?? new Date().toISOString();
  const members = await readConnection(paging, async (page) => {
    if (past !== undefined) {
      const { members: rows, pageInfo } = await rpc.history.listPastMembers({ segmentId, asOf: past, page });
      return { rows, pageInfo };
    }
    const answer = await rpc.segments.listSegmentMembers({ segmentId, page });
    asOf = answer.asOf ?? asOf;
    return { rows: answer.members, pageInfo: answer.pageInfo };
  });
  const byId = new Map(await Promise.all(members.nodes.map(async ({ customerId }) => [customerId, await loaders.customer.load(customerId)] as const)));
  const connection = mapConnection(members, ({ customerId, membership }) => {
    const node = byId.get(customerId);
    return node && { node, membership: membership && { ...membership, customerId } };
  });
  return { ...connection, asOf };
}
