import type { IncomingHttpHeaders } from 'node:http';

import type { KeyRing } from '#libs/auth';

import type { Caller } from '../graphql/message.js';

/** Who a key belongs to; KeyRing answers from memory. */
export type Keys = Pick<KeyRing, 'identify' | 'isKnown'>;

const BEARER = /^Bearer +([\w-]{1,200})$/i;
const KEY = /^[\w-]{1,200}$/;

/** The key that a request presents: `Authorization: Bearer <key>` or `x-api-key: <key>`. */
export function keyOf(headers: IncomingHttpHeaders | Record<string, unknown>): string | undefined {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const authorization = lower.get('authorization');
  if (typeof authorization === 'string') return BEARER.exec(authorization)?.[1];
  const key = lower.get('x-api-key');
  return typeof key === 'string' && KEY.test(key) ? key : undefined;
}

export function callerOf(keys: Keys, key: string | undefined): Caller | undefined {
  return key === undefined ? undefined : keys.identify(key);
}
