import { ingestion } from '#libs/contracts';

import { type FakeServer, listen } from './fake-server.js';

/** Ingestion as far as serving asks it who customers are: everyone is known, as `user-` and their id. */
export class FakeCustomers {
  readonly erased = new Set<string>();
  server!: FakeServer;

  async start(): Promise<this> {
    const rest = Object.keys(ingestion.CustomerServiceService).map((method) => [method, () => Promise.reject(new Error(`${method} is not faked`))]);
    this.server = await listen(ingestion.CustomerServiceService, {
      ...Object.fromEntries(rest),
      resolveCustomers: async ({ userIds }: ingestion.ResolveCustomersRequest) => ({
        customers: userIds.filter((userId) => userId.startsWith('user-')).map((userId) => ({ userId, customerId: userId.slice('user-'.length) })),
      }),
      getCustomers: async ({ ids }: ingestion.GetCustomersRequest) => ({
        customers: ids.filter((id) => !this.erased.has(id)).map((id) => ({ requestedId: id, customer: ingestion.Customer.fromPartial({ id, userId: `user-${id}` }) })),
      }),
    });
    return this;
  }
}
