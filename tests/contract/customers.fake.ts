import { ingestion } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { Barrier, type FakeServer, listen } from './fake-server.js';

/** Ingestion as far as serving asks it who customers are: everyone is known, as `user-` and their id. */
export class FakeCustomers {
  readonly erased = new Set<string>();
  readonly suppressed = new Set<string>();
  /** What some are called instead. */
  readonly names = new Map<string, Partial<Pick<ingestion.CustomerName, 'userId' | 'anonymousId'>>>();
  /** Into whom some were merged. */
  readonly merged = new Map<string, string>();
  /** Where a test can hold whoever asks for names. */
  readonly beforeNames = new Barrier();
  /** While true, nobody is named. */
  isAway = false;
  server!: FakeServer;

  async start(): Promise<this> {
    const rest = Object.keys(ingestion.CustomerServiceService).map((method) => [method, () => Promise.reject(new Error(`${method} is not faked`))]);
    this.server = await listen(ingestion.CustomerServiceService, {
      ...Object.fromEntries(rest),
      resolveCustomers: async ({ userIds }: ingestion.ResolveCustomersRequest) => ({
        customers: userIds.filter((userId) => userId.startsWith('user-')).map((userId) => ({ userId, customerId: userId.slice('user-'.length) })),
      }),
      nameCustomers: async ({ ids }: ingestion.NameCustomersRequest, { signal }: { signal: AbortSignal }) => {
        await this.beforeNames.pass(signal);
        if (this.isAway) throw new RpcError(status.UNAVAILABLE, 'It is away.', { reason: 'AWAY' });
        const known = ids.filter((id) => !this.erased.has(id));
        return { customers: known.map((id) => ({ requestedId: id, id, userId: `user-${id}`, anonymousId: '', suppressed: this.suppressed.has(id), ...this.names.get(id) })) };
      },
      getCustomers: async ({ ids, unmerged }: ingestion.GetCustomersRequest) => ({
        customers: ids.filter((id) => !this.erased.has(id)).map((requestedId) => {
          const into = this.merged.get(requestedId);
          if (into !== undefined && unmerged) return { requestedId, customer: ingestion.Customer.fromPartial({ id: requestedId, anonymousIds: [`device-${requestedId}`] }) };
          const id = into ?? requestedId;
          return { requestedId, customer: ingestion.Customer.fromPartial({ id, userId: `user-${id}` }) };
        }),
      }),
    });
    return this;
  }
}
