import type { ServerWritableStream } from '@grpc/grpc-js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

import type { Outlet } from './feed.watch.js';

/** The call itself: the only one who knows whether its consumer keeps up. */
export const Call = createParamDecorator((_: unknown, context: ExecutionContext) => context.getArgByIndex<unknown>(2));

/** What is written to a call goes to its consumer. */
export function outletOf<Request, Response>(call: ServerWritableStream<Request, Response>, signal: AbortSignal): Outlet {
  return { signal, ready: () => untilTaken(call, signal) };
}

/** Resolves when the consumer has taken what was written, so that a slow one costs one page of memory and no more. */
async function untilTaken<Request, Response>(call: ServerWritableStream<Request, Response>, signal: AbortSignal): Promise<void> {
  while (call.writableNeedDrain && !signal.aborted && !call.cancelled) {
    await new Promise<void>((resolve) => {
      const done = () => {
        call.off('drain', done).off('close', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      call.once('drain', done).once('close', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
