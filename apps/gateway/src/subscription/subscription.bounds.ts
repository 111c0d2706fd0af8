/** How much of the gateway one client may hold. */
export const BOUNDS = {
  /** Subscriptions on one socket. */
  perConnection: 30,
  /** Sockets and subscriptions of one key in this process. */
  connectionsPerKey: 100,
  perKey: 500,
  /** Events of a subscription, where so many have arrived; as many more are read ahead. */
  answeredAtOnce: 100,
  /** A first message must come within this time. */
  initWithinMs: 3_000,
  /** A client that does not answer a ping in this time has vanished. */
  keepAliveMs: 10_000,
  largestMessageBytes: 64 * 1024,
  /** How late a revoked key's sockets are closed at most. */
  recheckKeysMs: 2_000,
} as const;

/** Counts by key; nothing is left behind when a count comes back to zero. */
export class Tally {
  private readonly counts = new Map<string, number>();

  of(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  add(key: string, difference: 1 | -1): void {
    const count = this.of(key) + difference;
    if (count > 0) this.counts.set(key, count);
    else this.counts.delete(key);
  }
}
