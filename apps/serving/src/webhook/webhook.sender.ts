import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { Webhook } from 'standardwebhooks';

/** What a receiver made of an attempt: its HTTP status, or why there is none. */
export type Answer = { readonly status: number; /** How long the receiver asks to be left alone (`Retry-After`); 0 where it does not. */ readonly restMs: number } | { readonly error: string };

/** An answer's body means nothing here; a longer one is not read to its end. */
const MOST_ANSWER_BYTES = 64 * 1024;

/**
 * Posts signed bodies in the form of standardwebhooks.com. Redirects are not followed, and where private
 * addresses are not allowed, the address that a name stands for is checked as the connection is made.
 */
export class WebhookSender {
  private readonly plain: RequestFilteringHttpAgent;
  private readonly secure: RequestFilteringHttpsAgent;

  constructor(
    allowPrivateIPAddress: boolean,
    private readonly timeoutMs: number,
  ) {
    const options = { allowPrivateIPAddress, keepAlive: true, maxFreeSockets: 8 };
    this.plain = new RequestFilteringHttpAgent(options);
    this.secure = new RequestFilteringHttpsAgent(options);
  }

  /** Signed with each of the secrets, for the receiver may know any of them. Never rejects. */
  async send(url: string, secrets: readonly string[], id: string, body: string, signal: AbortSignal): Promise<Answer> {
    const at = new Date();
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Kindred-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
    };
    const timeout = AbortSignal.timeout(this.timeoutMs);
    const answer = await this.post(url, headers, body, AbortSignal.any([signal, timeout]));
    return timeout.aborted && 'error' in answer ? { error: `no answer within ${this.timeoutMs} ms` } : answer;
  }

  close(): void {
    this.plain.destroy();
    this.secure.destroy();
  }

  private post(url: string, headers: Record<string, string | number>, body: string, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      const options = { method: 'POST', headers, signal };
      const request = url.startsWith('https:')
        ? requestHttps(url, { ...options, agent: this.secure })
        : requestHttp(url, { ...options, agent: this.plain });
      request.once('response', (response) => {
        discard(response);
        resolve({ status: response.statusCode ?? 0, restMs: restOf(response.headers['retry-after']) });
      });
      request.on('error', (error) => resolve(wasIdleTooLong(request, error) ? this.post(url, headers, body, signal) : { error: error.message }));
      request.end(body);
    });
  }
}

/** In seconds or as a date, as HTTP has it. */
function restOf(retryAfter: string | undefined): number {
  if (retryAfter === undefined) return 0;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return ms > 0 ? ms : 0;
}

/** Reads an answer to its end, so that the connection can be used again, but not a long one. */
function discard(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => undefined);
  response.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MOST_ANSWER_BYTES) response.destroy();
  });
}

/** A kept connection that the receiver closed just then: nothing was answered on it, and a new one will do. */
function wasIdleTooLong(request: ClientRequest, error: NodeJS.ErrnoException): boolean {
  return request.reusedSocket && error.code === 'ECONNRESET';
}
