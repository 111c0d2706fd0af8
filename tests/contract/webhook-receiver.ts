import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { Webhook } from 'standardwebhooks';

import { until } from './serving-house.js';

export interface ReceivedEvent {
  readonly messageId: string;
  readonly event: string;
  readonly userId: string;
  readonly properties: { readonly segment_id: string; readonly segment_name: string; readonly cursor: string };
}

export interface ReceivedCall {
  readonly id: string;
  readonly body: string;
  readonly event: ReceivedEvent;
  readonly at: number;
  /** What it was answered with; 0: not at all. */
  readonly status: number;
  /** Signatures that came with it. */
  readonly signatures: number;
}

/** A receiver of webhooks that answers as a test has it do. */
export class WebhookReceiver {
  readonly calls: ReceivedCall[] = [];
  /** Of calls whose signature does not verify. */
  readonly forged: string[] = [];
  secret = '';
  /** HTTP status to answer a call with; 0 leaves it without an answer. */
  answer: (event: ReceivedEvent) => number = () => 204;
  /** Seconds that it asks to be left alone for. */
  retryAfter: number | undefined;
  private readonly server: Server = createServer((request, response) => {
    void this.take(request, response);
  });

  static async listen(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`;
  }

  get accepted(): ReceivedCall[] {
    return this.calls.filter(({ status }) => status >= 200 && status < 300);
  }

  /** Calls that were accepted, once there are so many. */
  untilAccepted(count: number): Promise<ReceivedCall[]> {
    return until(async () => this.accepted, (calls) => calls.length >= count);
  }

  untilCalled(count: number): Promise<ReceivedCall[]> {
    return until(async () => this.calls, (calls) => calls.length >= count);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const id = String(request.headers['webhook-id']);
    try {
      new Webhook(this.secret).verify(body, request.headers as Record<string, string>);
    } catch {
      this.forged.push(id);
    }
    const event = JSON.parse(body) as ReceivedEvent;
    const status = this.answer(event);
    this.calls.push({ id, body, event, at: Date.now(), status, signatures: String(request.headers['webhook-signature']).split(' ').length });
    if (status > 0) response.writeHead(status, this.retryAfter === undefined ? {} : { 'retry-after': String(this.retryAfter) }).end();
  }
}
