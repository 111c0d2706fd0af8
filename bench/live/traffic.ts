import { setTimeout as wait } from 'node:timers/promises';

/** Where events go, and whose they are. */
export interface Intake {
  readonly url: string;
  readonly writeKey: string;
  readonly userIds: readonly string[];
}

/** When each event was acknowledged, in milliseconds since 1970, by message id. */
export type Accepted = Map<string, number>;

/** From the first that was acknowledged to the last. */
export function secondsOf(accepted: Accepted): number {
  const at = [...accepted.values()].sort((one, other) => one - other);
  return ((at.at(-1) ?? 0) - (at[0] ?? 0)) / 1_000;
}

const TICK_MS = 20;
const NAMES = ['Product Viewed', 'Product Added', 'Order Completed'];

/**
 * Sends events at a steady rate, whatever the answers take, as many senders do: a request every 20 ms with what
 * has come due. Resolves when all are acknowledged; rejects where one is refused.
 */
export async function sendSteadily(intake: Intake, stage: string, perSecond: number, seconds: number): Promise<Accepted> {
  const accepted: Accepted = new Map();
  const requests: Promise<void>[] = [];
  const began = performance.now();
  let sent = 0;
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - began) {
    const due = Math.floor((elapsed * perSecond) / 1_000);
    if (due > sent) {
      requests.push(sendBatch(intake, Array.from({ length: due - sent }, (_, index) => callOf(intake, stage, sent + index)), accepted));
      sent = due;
    }
    await wait(TICK_MS);
  }
  await Promise.all(requests);
  return accepted;
}

interface Call {
  readonly messageId: string;
}

/** Customers in an order without a pattern, so that neighbours in time are strangers. */
function callOf({ userIds }: Intake, stage: string, number: number): Call & Record<string, unknown> {
  const index = (number * 7_919) % userIds.length;
  return {
    type: 'track',
    event: NAMES[number % NAMES.length],
    messageId: `${stage}-${number}`,
    userId: userIds[index],
    properties: { product_id: `p-${number % 50}`, price: 5 + (number % 90), revenue: 5 + (number % 90) },
  };
}

async function sendBatch({ url, writeKey }: Intake, batch: readonly Call[], accepted: Accepted): Promise<void> {
  const response = await fetch(`${url}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` },
    body: JSON.stringify({ batch, sentAt: new Date().toISOString() }),
  });
  if (!response.ok) throw new Error(`The intake answered ${response.status} to ${batch.length} events.`);
  await response.text();
  const at = Date.now();
  for (const { messageId } of batch) accepted.set(messageId, at);
}
