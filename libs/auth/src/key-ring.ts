import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';

import { access } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

import { hashKey } from './key.js';
import type { Principal, PrincipalRole, PrincipalSigner } from './principal.js';

const ROLE: Partial<Record<access.Role, PrincipalRole>> = {
  [access.Role.INTAKE]: 'INTAKE',
  [access.Role.VIEWER]: 'VIEWER',
  [access.Role.EDITOR]: 'EDITOR',
  [access.Role.ADMIN]: 'ADMIN',
};
const RECONNECT_MS = 500;

interface Entry {
  readonly principal: Principal & { workspaceId: string };
  readonly expiresAt: number;
}

/**
 * Every live key, held in memory and followed from access, so that checking one costs a hash and no round
 * trip. While access is away the last known keys hold.
 */
export class KeyRing {
  private readonly byDigest = new Map<string, Entry>();
  private readonly digestById = new Map<string, string>();
  private readonly abort = new AbortController();
  private readonly client: RpcClient<typeof access.AccessServiceService>;
  private resolveReady: () => void = () => undefined;
  private isFollowing = false;
  /** Settles once the first complete snapshot is in. */
  readonly ready = new Promise<void>((resolve) => (this.resolveReady = resolve));

  constructor(
    private readonly service: string,
    address: string,
    private readonly signer: PrincipalSigner,
    private readonly log: Logger,
  ) {
    this.client = connect(access.AccessServiceService, address);
    void this.follow();
  }

  /** Who presents this key, or undefined for an unknown, revoked or expired one. */
  identify(key: string): (Principal & { workspaceId: string }) | undefined {
    const entry = this.byDigest.get(hashKey(key).toString('hex'));
    return entry && entry.expiresAt > Date.now() ? entry.principal : undefined;
  }

  /** False while access is away or was never reached: a key that is not here may then exist all the same. */
  get isKnown(): boolean {
    return this.isFollowing;
  }

  close(): void {
    this.abort.abort();
    this.client.close();
  }

  private async follow(): Promise<void> {
    while (!this.abort.signal.aborted) {
      try {
        const principal = await this.signer.service(this.service);
        for await (const update of this.client.watchKeys({}, { principal, signal: this.abort.signal })) this.apply(update);
      } catch (error) {
        if (this.abort.signal.aborted) return;
        this.log.debug({ err: error }, 'the stream of keys broke; following again');
      }
      this.isFollowing = false;
      await wait(RECONNECT_MS, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  private apply(update: access.WatchKeysResponse): void {
    if (update.snapshot) {
      this.byDigest.clear();
      this.digestById.clear();
    }
    for (const record of update.keys) {
      const role = ROLE[record.role];
      if (!role) continue;
      const digest = Buffer.from(record.digest).toString('hex');
      this.digestById.set(record.id, digest);
      this.byDigest.set(digest, {
        principal: Object.freeze({ workspaceId: record.workspaceId, actor: `key:${record.id}` as const, role }),
        expiresAt: record.expiresAt ? Date.parse(record.expiresAt) : Number.POSITIVE_INFINITY,
      });
    }
    for (const id of update.revokedKeyIds) {
      const digest = this.digestById.get(id);
      if (digest !== undefined) this.byDigest.delete(digest);
      this.digestById.delete(id);
    }
    if (!update.snapshot) return;
    this.isFollowing = true;
    this.resolveReady();
  }
}
