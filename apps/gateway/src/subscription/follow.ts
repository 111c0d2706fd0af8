import { setTimeout as wait } from 'node:timers/promises';

import { RpcError, status } from '#libs/grpc';

import type { Backends } from '../backend/backends.js';
import type { GatewayContext } from '../graphql/context.js';
import { endingFirst } from './ending.first.js';

/** A service that is restarted is followed again; one that stays away for longer ends the subscription. */
const REOPEN_AFTER_MS = 500;
const GIVE_UP_AFTER_MS = 60_000;

/**
 * A service's stream as a subscription's source. It ends the call as soon as the client goes away, even
 * while nothing happens; and opens it again when the service was away for a moment.
 */
export function follow<Value>(
  context: Pick<GatewayContext, 'renewed'>,
  open: (rpc: Backends, signal: AbortSignal) => AsyncIterable<Value>,
): AsyncIterableIterator<Value, undefined> {
  const abort = new AbortController();
  return endingFirst(read(abort.signal, context, open), () => abort.abort());
}

/** What a service tells of a feed: where it begins, then what comes. */
export interface Told<Value> {
  readonly value: Value | undefined;
  readonly beginsAfter: string;
}

/**
 * Follows a feed with cursors, from `after` on or from now. Cut off, it goes on behind the last value that was passed on; before the first
 * one, from where it had begun.
 */
export function followFeed<Value extends { readonly cursor: string }>(
  context: Pick<GatewayContext, 'renewed'>,
  after: string | null | undefined,
  open: (rpc: Backends, after: string, signal: AbortSignal) => AsyncIterable<Told<Value>>,
): AsyncIterableIterator<Value, undefined> {
  let place = after ?? '';
  return follow<Value>(context, async function* values(rpc, signal) {
    for await (const { value, beginsAfter } of open(rpc, place, signal)) {
      place = (value?.cursor ?? beginsAfter) || place;
      if (value) yield value;
    }
  });
}

async function* read<Value>(
  signal: AbortSignal,
  context: Pick<GatewayContext, 'renewed'>,
  open: (rpc: Backends, signal: AbortSignal) => AsyncIterable<Value>,
): AsyncGenerator<Value, undefined> {
  let awaySince: number | undefined;
  for (;;) {
    try {
      const { rpc } = await context.renewed();
      for await (const value of open(rpc, signal)) {
        awaySince = undefined;
        yield value;
      }
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isAway(error)) throw error;
      awaySince ??= Date.now();
      if (Date.now() - awaySince > GIVE_UP_AFTER_MS) throw error;
      await wait(REOPEN_AFTER_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof RpcError && error.status === status.UNAVAILABLE;
}
