import { type Client, createClient } from 'graphql-ws';

import { quantile } from './quantile.ts';

/** Until a subscriber of the gateway has a change with its customer and segments, from the beginning of the transaction that made it, milliseconds. */
export interface Told {
  readonly changes: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

interface Heard {
  readonly at: number;
  readonly delay: number;
}

interface Message {
  readonly membershipChanged: { readonly at: string };
}

const FEED = 'subscription { membershipChanged { cursor at customer { userId } from { name } to { name } strength } }';

/** Follows the feed of changes over a socket of the gateway, as a consumer does. */
export class Subscriber {
  private readonly client: Client;
  private readonly heard: Heard[] = [];
  private failure: unknown;

  constructor(graphqlUrl: string, key: string) {
    this.client = createClient({ url: graphqlUrl.replace(/^http/, 'ws'), connectionParams: { authorization: `Bearer ${key}` }, lazy: false, retryAttempts: 0 });
    this.client.subscribe<Message>({ query: FEED }, {
      next: ({ data, errors }) => this.hear(data, errors),
      error: (error) => (this.failure = error),
      complete: () => undefined,
    });
  }

  /** Of what came since a time, milliseconds since 1970. */
  since(time: number): Told {
    if (this.failure) throw new Error('The subscription failed.', { cause: this.failure });
    const delays = this.heard.filter(({ at }) => at >= time).map(({ delay }) => delay);
    return { changes: delays.length, p50: quantile(delays, 0.5), p95: quantile(delays, 0.95), p99: quantile(delays, 0.99) };
  }

  async end(): Promise<void> {
    await this.client.dispose();
  }

  private hear(data: Message | null | undefined, errors: unknown): void {
    if (errors) this.failure = errors;
    if (!data) return;
    const at = Date.now();
    this.heard.push({ at, delay: Math.max(0, at - Date.parse(data.membershipChanged.at)) });
  }
}
