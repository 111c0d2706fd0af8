import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import { hashKey } from '#libs/auth';
import { Prisma, type schema, type Transaction } from '#libs/database';

import { AccessDatabase } from '../database.provider.js';
import type { Cut } from '../page.js';

export interface NewKey {
  readonly workspaceId: string;
  readonly name: string;
  readonly role: schema.KeyRole;
  readonly secret: string;
  readonly expiresAt: Date | null;
}

/** Enough to recognise a key by; far from enough to guess it. */
const PREFIX_LENGTH = 8;
/** Longer than any transaction of ours lasts: what commits late is still looked at again. */
const OVERLAP_SECONDS = 60;

@Injectable()
export class KeyRepository {
  constructor(private readonly database: AccessDatabase) {}

  /** Only the digest is kept. */
  async insert(transaction: Transaction, { workspaceId, name, role, secret, expiresAt }: NewKey): Promise<schema.ApiKey> {
    return transaction.apiKey.create({
      data: { workspaceId, id: uuid(), name, role, digest: new Uint8Array(hashKey(secret)), prefix: secret.slice(0, PREFIX_LENGTH), expiresAt },
    });
  }

  /** Undefined where a live key has the name. */
  async create(key: NewKey): Promise<schema.ApiKey | undefined> {
    try {
      return await this.database.inWorkspace(key.workspaceId, (transaction) => this.insert(transaction, key));
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return undefined;
      throw error;
    }
  }

  /** Ends a key; one that has ended stays as it is. Undefined if there is none. */
  async revoke(workspaceId: string, id: string): Promise<schema.ApiKey | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      await transaction.$executeRaw`
        update access.api_keys set revoked_at = now(), changed_at = now() where id = ${id}::uuid and revoked_at is null`;
      return (await transaction.apiKey.findUnique({ where: { workspaceId_id: { workspaceId, id } } })) ?? undefined;
    });
  }

  /** What a key is for; undefined if there is none. */
  async roleOf(workspaceId: string, id: string): Promise<schema.KeyRole | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => (await transaction.apiKey.findUnique({ where: { workspaceId_id: { workspaceId, id } } }))?.role);
  }

  /** Gives a live key a new secret beside its present one; undefined where it has ended. */
  async rotate(workspaceId: string, id: string, secret: string, overlapSeconds: number): Promise<schema.ApiKey | undefined> {
    return this.database.inWorkspace(workspaceId, async (transaction) => {
      const rotated = await transaction.$executeRaw`
        update access.api_keys set previous_digest = digest, previous_until = now() + make_interval(secs => ${overlapSeconds}),
          digest = ${new Uint8Array(hashKey(secret))}, prefix = ${secret.slice(0, PREFIX_LENGTH)}, changed_at = now()
        where id = ${id}::uuid and revoked_at is null and (expires_at is null or expires_at > now())`;
      return rotated === 0 ? undefined : transaction.apiKey.findUniqueOrThrow({ where: { workspaceId_id: { workspaceId, id } } });
    });
  }

  /** Newest first, one more than asked for where there are more. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ found: schema.ApiKey[]; total: number }> {
    return this.database.inWorkspace(workspaceId, async (transaction) => ({
      found: await transaction.apiKey.findMany({
        ...(after === undefined ? {} : { where: { id: { lt: after } } }),
        orderBy: { id: 'desc' },
        take: rows + 1,
      }),
      total: await transaction.apiKey.count(),
    }));
  }

  /** Keys of every workspace that were made, rotated or ended since shortly before `since`, and the time that was asked at. */
  async changedSince(since: Date): Promise<{ keys: schema.ApiKey[]; at: Date }> {
    const prisma = this.database.acrossWorkspaces;
    const [clock] = await prisma.$queryRaw<{ at: Date }[]>`select now() as at`;
    const keys = await prisma.apiKey.findMany({ where: { changedAt: { gt: new Date(since.getTime() - OVERLAP_SECONDS * 1000) } } });
    return { keys, at: clock?.at ?? since };
  }
}
