import { readFileSync } from 'node:fs';

import { Api } from '../../scripts/start/graphql.ts';

export interface Ready {
  graphql: string;
  subscriptions: string;
  intake: string;
  admin: string;
  adminKey: string;
  writeKey: string;
}

/** Where the system under test is: `npm test` starts one and says so; so does `npm start` in .kindred/ready.json. */
export const readyFile = process.env['KINDRED_READY'] ?? '.kindred/ready.json';

export function ready(): Ready {
  try {
    return JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
  } catch (error) {
    throw new Error(`No system is up (${readyFile}). Run npm test, or npm start beside this.`, { cause: error });
  }
}

export const api = (key?: string): Api => new Api(ready().graphql, key ?? ready().adminKey);

/** Posts calls in Segment's form to the intake. */
export async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const { intake, writeKey } = ready();
  return fetch(`${intake}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/**
 * Asks until the answer satisfies, and gives it; rejects after `withinMs`. A question that fails, because what answers
 * it is just being started again, is asked once more.
 */
export async function until<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, withinMs = 30_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { answer, failure } = await ask().then(
      (given) => ({ answer: given, failure: undefined }),
      (error: unknown) => ({ answer: undefined, failure: error as Error }),
    );
    if (answer !== undefined && isGood(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms; last: ${failure?.message ?? JSON.stringify(answer)}`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
