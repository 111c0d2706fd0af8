import { access } from '#libs/contracts';
import type { schema } from '#libs/database';

const ROLE = {
  INTAKE: access.Role.INTAKE,
  VIEWER: access.Role.VIEWER,
  EDITOR: access.Role.EDITOR,
  ADMIN: access.Role.ADMIN,
} as const satisfies Record<schema.KeyRole, access.Role>;

export function toApiKey(row: schema.ApiKey): access.ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: ROLE[row.role],
    prefix: row.prefix,
    createdAt: row.createdAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString(),
    expiresAt: row.expiresAt?.toISOString(),
    previousSecretUntil: row.revokedAt === null && row.previousUntil && row.previousUntil.getTime() > Date.now() ? row.previousUntil.toISOString() : undefined,
  } satisfies access.ApiKey;
}

export function toKeyRecord(row: schema.ApiKey): access.KeyRecord {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    role: ROLE[row.role],
    digest: Buffer.from(row.digest),
    expiresAt: row.expiresAt?.toISOString(),
    previousDigest: Buffer.from(row.previousDigest ?? []),
    previousUntil: row.previousUntil?.toISOString(),
  } satisfies access.KeyRecord;
}

/** The role as it is stored, undefined for an unspecified one. */
export function fromRole(role: access.Role): schema.KeyRole | undefined {
  return (Object.keys(ROLE) as schema.KeyRole[]).find((name) => ROLE[name] === role);
}
