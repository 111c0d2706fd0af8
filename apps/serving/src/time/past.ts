import { RpcError } from '#libs/grpc';

import { isoOf, type Micros } from './micros.js';

/** Times are told to the millisecond: what happened within it had happened by then. */
export function endOf(asOf: Micros): Micros {
  return asOf + 999;
}

/** Refuses a time that has not come by the workspace's clock: nothing is known as of it. */
export function expectPast(asOf: Micros, now: Micros): void {
  if (asOf <= now) return;
  throw RpcError.invalid(`asOf: ${isoOf(asOf)} has not come; by the workspace's clock it is ${isoOf(now)}. Ask for that time or an earlier one, or leave asOf out for what is known now.`, {
    reason: 'AS_OF_INVALID', metadata: { now: isoOf(now) },
  });
}
