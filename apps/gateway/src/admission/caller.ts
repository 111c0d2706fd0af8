import type { IncomingHttpHeaders } from 'node:http';

import type { KeyRing } from '#libs/auth';

import type { Caller } from '../graphql/message.js';

/** Who a key belongs to; KeyRing answers from memory. */
export type Keys = Pick<KeyRing, 'identify' | 'isKnown'>;

const BEARER = /^Bearer +([\w-]{1,200})$/i;
const KEY = /^[\w-]{1,200}$/;

/** The key that a request presents: `Authorization: Bearer <key>` or `x-api-key: <key>`. */
export function keyOf(headers: IncomingHttpHeaders | Record<string, unknown>): string | undefined {
  const authorization = valueOf(headers, 'authorization');
  if (typeof authorization === 'string') return BEARER.exec(authorization)?.[1];
  const key = valueOf(headers, 'x-api-key');
  return typeof key === 'string' && KEY.test(key) ? key : undefined;
}

/** HTTP's headers are in small letters; what comes over a socket is as its client wrote it. */
function valueOf(headers: Record<string, unknown>, name: string): unknown {
  return headers[name] ?? Object.entries(headers).find(([other]) => other.toLowerCase() === name)?.[1];
}

export function callerOf(keys: Keys, key: string | undefined): Caller | undefined {
  return key === undefined ? undefined : keys.identify(key);
}
