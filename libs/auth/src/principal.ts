import { jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';

/** SERVICE is one of our own services acting for itself; it may do what any role may. */
export type PrincipalRole = 'INTAKE' | 'VIEWER' | 'EDITOR' | 'ADMIN' | 'SERVICE';
/** `key:<id>` or `service:<name>`. */
export type Actor = `key:${string}` | `service:${string}`;

/** Who acts, where, and as what. `workspaceId` is null only for a service that acts for no workspace yet. */
export interface Principal {
  readonly workspaceId: string | null;
  readonly actor: Actor;
  readonly role: PrincipalRole;
}

/** Who acts in a workspace. */
export interface WorkspacePrincipal extends Principal {
  readonly workspaceId: string;
}

const RANK: Record<PrincipalRole, number> = { INTAKE: 0, VIEWER: 1, EDITOR: 2, ADMIN: 3, SERVICE: 4 };

/** A role includes those below it, but reading is not included in INTAKE, nor intake in VIEWER. */
export function mayAct(role: PrincipalRole, required: PrincipalRole): boolean {
  if (required === 'INTAKE') return role !== 'VIEWER';
  return RANK[role] >= RANK[required] && role !== 'INTAKE';
}

const LIFETIME_S = 120;
const ISSUER = 'kindred';

/** Signs and verifies principals (JWT, HS256, two minutes). Both are cached for as long as they hold. */
export class PrincipalSigner {
  private readonly secret: Uint8Array;
  private readonly signed = new LRUCache<string, string>({ max: 10_000, ttl: (LIFETIME_S / 2) * 1000 });
  private readonly verified = new LRUCache<string, Principal>({ max: 10_000 });

  constructor(secret: string) {
    this.secret = new TextEncoder().encode(secret);
  }

  async sign(principal: Principal): Promise<string> {
    const id = `${principal.workspaceId ?? ''}|${principal.actor}|${principal.role}`;
    const known = this.signed.get(id);
    if (known !== undefined) return known;
    const token = await new SignJWT({ ws: principal.workspaceId, role: principal.role })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(principal.actor)
      .setExpirationTime(`${LIFETIME_S}s`)
      .sign(this.secret);
    this.signed.set(id, token);
    return token;
  }

  /** For a service's own calls: `service('training', workspaceId)`. */
  async service(name: string, workspaceId: string | null = null): Promise<string> {
    return this.sign({ workspaceId, actor: `service:${name}`, role: 'SERVICE' });
  }

  /** Throws jose's error when the token is forged or over. */
  async verify(token: string): Promise<Principal> {
    const known = this.verified.get(token);
    if (known) return known;
    const { payload } = await jwtVerify(token, this.secret, { issuer: ISSUER });
    const principal: Principal = Object.freeze({
      workspaceId: (payload['ws'] as string | null) ?? null,
      actor: payload.sub as Actor,
      role: payload['role'] as PrincipalRole,
    });
    const remaining = (payload.exp ?? 0) * 1000 - Date.now();
    if (remaining > 0) this.verified.set(token, principal, { ttl: remaining });
    return principal;
  }
}
