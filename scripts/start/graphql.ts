import { createClient } from 'graphql-ws';

/** A product engineer's view of Kindred: GraphQL with a key, and nothing else. */
export class Api {
  readonly url: string;
  private readonly key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  /** Data of one operation; rejects with the first error's message. */
  async ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.key}` },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as { data?: T; errors?: { message: string }[] };
    if (answer.errors?.[0]) throw new Error(answer.errors[0].message);
    if (!answer.data) throw new Error(`${this.url} answered ${response.status} without data.`);
    return answer.data;
  }

  /** Values of a subscription, over graphql-transport-ws, until it ends or the loop is left. */
  async *follow<T>(query: string, variables: Record<string, unknown> = {}): AsyncGenerator<T> {
    const client = createClient({
      url: this.url.replace(/^http/, 'ws'),
      connectionParams: { authorization: `Bearer ${this.key}` },
      retryAttempts: 20,
      shouldRetry: () => true,
    });
    try {
      for await (const { data, errors } of client.iterate<T>({ query, variables })) {
        if (errors?.[0]) throw new Error(errors[0].message);
        if (data) yield data;
      }
    } finally {
      await client.dispose();
    }
  }
}
