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

/** How long a former secret goes on holding. */
export const OVERLAPS: readonly { seconds: number; words: string }[] = [
  { seconds: 0, words: 'ends now (it leaked)' },
  { seconds: 3_600, words: 'holds for an hour' },
  { seconds: 86_400, words: 'holds for a day' },
  { seconds: 7 * 86_400, words: 'holds for a week' },
  { seconds: 30 * 86_400, words: 'holds for 30 days' },
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
