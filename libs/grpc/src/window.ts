import { subscribe } from 'node:diagnostics_channel';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/** What may be on its way to us over one connection, all its calls together; one call alone may have 64 KiB of it. */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
const widened = new WeakSet<ServerHttp2Session>();

/**
 * grpc-js leaves a server's connections at HTTP/2's 64 KiB, so that many calls of a batch of events each wait for one
 * another's bytes to be taken; it has no option for it. Calls' own windows stay, and hold back who sends faster than is read.
 */
export function widenConnections(): void {
  subscribe('http2.server.stream.created', (message) => {
    const { session } = (message as { stream: ServerHttp2Stream }).stream;
    if (!session || widened.has(session as ServerHttp2Session)) return;
    widened.add(session as ServerHttp2Session);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  });
}
