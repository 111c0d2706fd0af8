import type { unusual } from '#libs/contracts';

import type { Backends } from '../backend/backends.js';

/** A customer's novelty with the threshold that it is held to. */
export type HeldNovelty = unusual.CustomerNovelty & { readonly threshold: unusual.NoveltyThreshold | undefined };

export async function customerNoveltyOf(rpc: Backends, customerIds: readonly string[]): Promise<(HeldNovelty | undefined)[]> {
  const { customers, threshold } = await rpc.unusual.getCustomerNovelty({ customerIds: [...new Set(customerIds)] });
  const byId = new Map(customers.map((customer) => [customer.customerId, { ...customer, threshold }]));
  return customerIds.map((id) => byId.get(id));
}
