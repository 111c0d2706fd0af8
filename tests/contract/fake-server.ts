import { createServer, type Server, ServerError, type ServerMiddleware, type Status } from 'nice-grpc';
import type { ServiceDefinition } from '@grpc/grpc-js';

import { RpcError } from '#libs/grpc';

/** A gRPC server of a test's own that fails as our services do. */
export interface FakeServer {
  readonly address: string;
  /** Breaks every stream at once, as a killed process does. */
  kill(): void;
}

/** Listens on a free port, or on the one that an earlier server had. */
export async function listen(definition: ServiceDefinition, implementation: object, port = 0): Promise<FakeServer> {
  const server: Server = createServer({ 'grpc.so_reuseport': 0 }).use(tellFailures);
  server.add(definition as never, implementation as never);
  const bound = await server.listen(`127.0.0.1:${port}`);
  return { address: `127.0.0.1:${bound}`, kill: () => server.forceShutdown() };
}

/** RpcError -> status with ErrorInfo, as the services' own filter does. */
export const tellFailures: ServerMiddleware = async function* tellFailures(call, context) {
  try {
    return yield* call.next(call.request, context);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const { metadata } = error.toServiceError();
    for (const value of metadata.get('grpc-status-details-bin')) context.trailer.set('grpc-status-details-bin', value as Buffer);
    throw new ServerError(error.status as Status & number, error.message);
  }
};

/** Something that a test waits for, once each time it happens. */
export class Moment<T = void> {
  private happened: T[] = [];
  private waiting: ((value: T) => void)[] = [];

  happen(value: T): void {
    const waiter = this.waiting.shift();
    if (waiter) waiter(value);
    else this.happened.push(value);
  }

  forget(): void {
    this.happened = [];
  }

  next(): Promise<T> {
    if (this.happened.length > 0) return Promise.resolve(this.happened.shift() as T);
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** A place in a fake's work where a test can hold it: it stays there until told to go on, or is cancelled. */
export class Barrier {
  readonly reached = new Moment();
  private isHeld = false;
  private releases: (() => void)[] = [];

  hold(): void {
    this.isHeld = true;
  }

  go(): void {
    this.isHeld = false;
    this.reached.forget();
    for (const release of this.releases.splice(0)) release();
  }

  async pass(signal: AbortSignal): Promise<void> {
    if (!this.isHeld) return;
    const opened = new Promise<void>((resolve) => this.releases.push(resolve));
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.reached.happen();
    await Promise.race([opened, ended]);
    signal.throwIfAborted();
  }
}
