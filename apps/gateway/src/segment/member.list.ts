import type { SegmentKey } from '../backend/caller.reads.js';
import { mapConnection, type Paging, readConnection } from '../graphql/connection.js';
import type { GatewayContext } from '../graphql/context.js';
import { type CustomerConnection, MemberOrder } from '../graphql/message.js';

interface MemberPaging extends Paging {
  readonly orderBy?: MemberOrder | null | undefined;
}

/** A segment's members, as drawn by a model or as of a time, as customers. */
export async function listMembers(of: SegmentKey, { orderBy, ...paging }: MemberPaging, { reads, loaders }: GatewayContext): Promise<CustomerConnection> {
  let { asOf } = of;
  const members = await readConnection(paging, async (page) => {
    const answer = await reads.members({ ...of, page, order: orderBy ?? MemberOrder.ID });
    if (of.asOf === '') asOf = answer.asOf ?? new Date().toISOString();
    return answer;
  }, ({ cursor }) => cursor);
  const byId = new Map(await Promise.all(members.nodes.map(async ({ customerId }) => [customerId, await loaders.customer.load(customerId)] as const)));
  const connection = mapConnection(members, ({ customerId, membership }) => {
    const node = byId.get(customerId);
    return node && { node, membership: membership && { ...membership, customerId } };
  });
  return { ...connection, asOf, of };
}
