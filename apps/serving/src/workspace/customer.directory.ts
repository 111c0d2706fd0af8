import { Inject, Injectable } from '@nestjs/common';

import { RpcError } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { type Context, INGESTION, type IngestionClient } from '../store.js';

const MOST_AT_ONCE = 500;
/** Of ids that nobody has. */
const MOST_NAMED = 10;

/** Customers by the ids that they have outside, as ingestion knows them. */
@Injectable()
export class CustomerDirectory {
  constructor(
    @Inject(INGESTION) private readonly client: IngestionClient,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  /** The customers of all these user ids, each once. Throws where there are too many, or one is unknown. */
  async resolve(workspaceId: string, given: readonly string[], most: number): Promise<string[]> {
    const userIds = [...new Set(given)];
    if (userIds.length > most) {
      throw RpcError.invalid(`A list has at most ${most} customers; ${userIds.length} were given.`, { reason: 'TOO_MANY_CUSTOMERS' });
    }
    const principal = await this.context.signer.service(this.context.name, workspaceId);
    const found = new Map<string, string>();
    for (let from = 0; from < userIds.length; from += MOST_AT_ONCE) {
      const { customers } = await this.client.resolveCustomers({ userIds: userIds.slice(from, from + MOST_AT_ONCE) }, { principal });
      for (const { userId, customerId } of customers) found.set(userId, customerId);
    }
    const missing = userIds.filter((userId) => !found.has(userId));
    if (missing[0] !== undefined) throw RpcError.invalid(nobodyHas(missing), { reason: 'CUSTOMER_UNKNOWN', metadata: { user_id: missing[0] } });
    return [...new Set(found.values())];
  }
}

/** The ids that nobody has, so that they can be mended at once. */
function nobodyHas(userIds: readonly string[]): string {
  const named = userIds.slice(0, MOST_NAMED).map((userId) => `"${userId}"`).join(', ');
  const more = userIds.length - MOST_NAMED;
  return `There is no customer with the user id ${named}${more > 0 ? ` and ${more} more` : ''}. Ids are matched letter by letter: leave out those that nobody has.`;
}
