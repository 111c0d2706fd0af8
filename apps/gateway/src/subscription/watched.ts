import { RpcError } from '#libs/grpc';

import type { GatewayContext } from '../graphql/context.js';
import { localId } from '../graphql/global-id.js';
import { segmentNow } from '../graphql/loaders.js';

type Given = string | null | undefined;

/** The own id of the customer whose changes are asked for, empty for everyone's. Throws CUSTOMER_UNKNOWN: of nobody nothing would ever be told. */
export async function watchedCustomer(given: Given, { loaders }: Pick<GatewayContext, 'loaders'>): Promise<string> {
  if (!given) return '';
  const id = localId('Customer', given);
  if (id === undefined || !(await loaders.customer.load(id))) throw RpcError.notFound('customerId: there is no such customer.', { reason: 'CUSTOMER_UNKNOWN' });
  return id;
}

/** The same of a segment (SEGMENT_UNKNOWN); one that has ceased to be may come back with a former model. */
export async function watchedSegment(given: Given, { loaders }: Pick<GatewayContext, 'loaders'>): Promise<string> {
  if (!given) return '';
  const id = localId('Segment', given);
  if (id === undefined || !(await loaders.segment.load(segmentNow(id)))) throw RpcError.notFound('segmentId: there is no such segment.', { reason: 'SEGMENT_UNKNOWN' });
  return id;
}
