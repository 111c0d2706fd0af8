import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';

import { access } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

import { hexOfKey } from './key.js';
import type { PrincipalRole, PrincipalSigner, WorkspacePrincipal } from './principal.js';

const ROLE: Partial<Record<access.Role, PrincipalRole>> = {
  [access.Role.INTAKE]: 'INTAKE',
  [access.Role.VIEWER]: 'VIEWER',
  [access.Role.EDITOR]: 'EDITOR',
  [access.Role.ADMIN]: 'ADMIN',
};
const RECONNECT_MS = 500;

interface Entry {
  readonly principal: WorkspacePrincipal;
  readonly expiresAt: number;
}

/**
 * Every live key, held in memory and followed from access, so that checking one costs a hash and no round
 * trip. While access is away the last known keys hold.
 */
export class KeyRing {
  private readonly byDigest = new Map<string, Entry>();
  /** A key that was rotated has two secrets for a while. */
  private readonly digestsById = new Map<string, readonly string[]>();
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
  identify(key: string): WorkspacePrincipal | undefined {
    const entry = this.byDigest.get(hexOfKey(key));
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
      this.digestsById.clear();
    }
    for (const record of update.keys) this.hold(record);
    for (const id of update.revokedKeyIds) this.forget(id);
    if (!update.snapshot) return;
    this.isFollowing = true;
    this.resolveReady();
  }

  /** A key as it is from now on, whatever its secrets were. */
  private hold({ id, workspaceId, role, digest, expiresAt, previousDigest, previousUntil }: access.KeyRecord): void {
    this.forget(id);
    const known = ROLE[role];
    if (!known) return;
    const principal = Object.freeze({ workspaceId, actor: `key:${id}` as const, role: known });
    const ends = timeOf(expiresAt);
    const secrets = [{ digest, expiresAt: ends }, ...(previousDigest.length > 0 ? [{ digest: previousDigest, expiresAt: Math.min(ends, timeOf(previousUntil)) }] : [])];
    for (const secret of secrets) this.byDigest.set(hex(secret.digest), { principal, expiresAt: secret.expiresAt });
    this.digestsById.set(id, secrets.map((secret) => hex(secret.digest)));
  }

  private forget(id: string): void {
    for (const digest of this.digestsById.get(id) ?? []) this.byDigest.delete(digest);
    this.digestsById.delete(id);
  }
}

const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');
/** Milliseconds since 1970; never, where it is not said. */
const timeOf = (at: string | undefined): number => (at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at));
