import type { Tone } from '../parts/figures';
import type { KeyRowFragment, Role } from '../gen/graphql';
import { dateAndTime } from '../wording/time';

export type Key = KeyRowFragment;

export const ROLES: readonly { role: Role; may: string }[] = [
  { role: 'INTAKE', may: 'send events, read nothing' },
  { role: 'VIEWER', may: 'read' },
  { role: 'EDITOR', may: 'read, start runs, rename' },
  { role: 'ADMIN', may: 'do everything, keys too' },
];

export interface KeyState {
  readonly words: string;
  readonly tone: Tone;
  readonly isLive: boolean;
}

export function stateOf({ revokedAt, expiresAt, previousSecretUntil }: Pick<Key, 'revokedAt' | 'expiresAt' | 'previousSecretUntil'>, now: number): KeyState {
  if (revokedAt) return { words: 'revoked', tone: 'plain', isLive: false };
  if (expiresAt && Date.parse(expiresAt) <= now) return { words: 'ended', tone: 'plain', isLive: false };
  if (previousSecretUntil && Date.parse(previousSecretUntil) > now) {
    return { words: `two secrets until ${dateAndTime(previousSecretUntil)}`, tone: 'warn', isLive: true };
  }
  return { words: expiresAt ? `live until ${dateAndTime(expiresAt)}` : 'live', tone: 'good', isLive: true };
}
