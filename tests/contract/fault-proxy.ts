import { EventEmitter, once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Refusal {
  status: number;
  /** Seconds. */
  retryAfter?: string;
  /** Requests that are refused before the next is let through. */
  times: number;
}

/** Stands in front of ingestion and refuses as an overloaded or failing one would; what it lets through, it does not touch. */
export class FaultProxy extends EventEmitter<{ refused: []; forwarded: []; answered: [number]; broken: [] }> {
  private readonly server: Server;
  private refusal: Refusal = { status: 503, times: 0 };

  private constructor(private readonly target: string) {
    super();
    this.server = createServer((request, response) => void this.take(request, response));
  }

  static async open(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  refuse(refusal: Refusal): void {
    this.refusal = refusal;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.refusal.times > 0) {
      const { status, retryAfter } = this.refusal;
      this.refusal.times--;
      request.resume();
      await once(request, 'end');
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('{"success":false}');
      this.emit('refused');
      return;
    }
    const { hostname, port } = new URL(this.target);
    const onward = forward({ hostname, port, path: request.url, method: request.method, headers: request.headers });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      this.emit('answered', answer.statusCode ?? 502);
    });
    // Nobody is there, or it died: the client's connection breaks as well.
    onward.on('error', () => {
      request.socket.destroy();
      this.emit('broken');
    });
    onward.on('finish', () => this.emit('forwarded'));
    request.pipe(onward);
  }
}
