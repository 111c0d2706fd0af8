import { hash, randomBytes } from 'node:crypto';

const PREFIX = { ADMIN: 'ka', EDITOR: 'ke', VIEWER: 'kv', INTAKE: 'kw' } as const;

/** A fresh key of 192 random bits whose first letters tell what it is for. */
export function makeKey(role: keyof typeof PREFIX): string {
  return `${PREFIX[role]}_${randomBytes(24).toString('base64url')}`;
}

/** SHA-256: a key is random, not chosen by a person, so a slow hash would protect nothing. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The same as text, for looking it up. */
export function hexOfKey(key: string): string {
  return hash('sha256', key, 'hex');
}
