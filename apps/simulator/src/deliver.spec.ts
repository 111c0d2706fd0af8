import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { deliver, type Destination } from './deliver.js';
import { trickle } from './live.js';
import { generate, Shop } from './shop.js';

const Batch = z.object({ batch: z.array(z.object({ messageId: z.string(), timestamp: z.string() })), sentAt: z.iso.datetime() });
const small = { seed: 1, customers: 20, until: Date.parse('2026-06-01T00:00:00Z') };

/** An intake that keeps what it acknowledges; `answer` may refuse a request first. */
class Intake {
  readonly stored: z.infer<typeof Batch>['batch'] = [];
  readonly authorizations = new Set<string | undefined>();
  requests = 0;
  busiest = 0;
  #underWay = 0;
  readonly #server: Server;

  constructor(answer: (request: number, response: ServerResponse) => boolean = () => false) {
    this.#server = createServer(async (request, response) => {
      this.requests += 1;
      this.#underWay += 1;
      this.busiest = Math.max(this.busiest, this.#underWay);
      this.authorizations.add(request.headers.authorization);
      const { batch } = Batch.parse(await json(request));
      this.#underWay -= 1;
      if (answer(this.requests, response)) return;
      this.stored.push(...batch);
      response.end('{"success":true}');
    });
  }

  async open(): Promise<Destination> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return { url: `http://127.0.0.1:${port ?? 0}`, writeKey: 'key', batchSize: 50, concurrency: 3 };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const refuse =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): true => {
    response.writeHead(status, headers).end('{"error":"no"}');
    return true;
  };

describe('a history that is sent', () => {
  let intake: Intake;
  afterEach(() => intake.close());
  const idsOf = (calls: Iterable<{ messageId: string }>): string[] => [...calls].map(({ messageId }) => messageId).sort();

  it('arrives whole, in bounded concurrency, with the key in its header', async () => {
    intake = new Intake();
    const told: number[] = [];
    const total = await deliver(generate(small), await intake.open(), (acknowledged) => told.push(acknowledged));
    expect(idsOf(intake.stored)).toEqual(idsOf(generate(small)));
    expect(total).toBe(intake.stored.length);
    expect(told.at(-1)).toBe(total);
    expect(intake.busiest).toBeLessThanOrEqual(3);
    expect(intake.authorizations).toEqual(new Set([`Basic ${Buffer.from('key:').toString('base64')}`]));
  });

  it('waits as long as a busy intake asks, and loses nothing', async () => {
    let refused = 0;
    let resumed = 0;
    intake = new Intake((request, response) => {
      if (request === 2) {
        refused = performance.now();
        return refuse(503, { 'retry-after': '1' })(response);
      }
      if (request === 3) resumed = performance.now();
      return request === 4 ? refuse(429)(response) : false;
    });
    await deliver(generate(small), { ...(await intake.open()), concurrency: 1 });
    expect(idsOf(intake.stored)).toEqual(idsOf(generate(small)));
    expect(resumed - refused).toBeGreaterThanOrEqual(1000);
  });

  it('stops at once where the key is unknown, and says so', async () => {
    intake = new Intake((_, response) => refuse(401)(response));
    await expect(deliver(generate(small), { ...(await intake.open()), concurrency: 1 })).rejects.toThrow('write key');
    expect(intake.requests).toBe(1);
  });
});

it('keeps telling of new events, as happening now, until it is stopped', async () => {
  const stop = new AbortController();
  const intake = new Intake();
  const begun = Date.now();
  const shop = new Shop(small);
  for (const _ of shop.history());
  const total = await trickle(shop, 200, await intake.open(), stop.signal, (acknowledged) => {
    if (acknowledged >= 100) stop.abort();
  });
  intake.close();
  const ids = intake.stored.map(({ messageId }) => messageId);
  expect(total).toBe(ids.length);
  expect(new Set(ids).size).toBe(ids.length);
  expect(intake.stored.every(({ timestamp }) => Date.parse(timestamp) >= begun)).toBe(true);
});
