import { Inject, Injectable } from '@nestjs/common';

import { RpcError } from '#libs/grpc';
import { SERVICE } from '#libs/service';

import { type Context, INGESTION, type IngestionClient } from '../store.js';

const MOST_AT_ONCE = 500;

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
    const missing = userIds.find((userId) => !found.has(userId));
    if (missing !== undefined) {
      throw RpcError.invalid(`There is no customer with the user id "${missing}" (${userIds.length - found.size} are unknown).`, {
        reason: 'CUSTOMER_UNKNOWN', metadata: { user_id: missing },
      });
    }
    return [...new Set(found.values())];
  }
}
