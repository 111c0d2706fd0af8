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

describe('a shop that stays open', () => {
  let intake: Intake;
  beforeEach(() => (intake = new Intake()));
  afterEach(() => intake.close());

  /** Open until so many events are acknowledged. */
  async function open(shop: Shop, least: number): Promise<number> {
    const stop = new AbortController();
    return trickle(shop, 400, await intake.open(), stop.signal, (acknowledged) => {
      if (acknowledged >= least) stop.abort();
    });
  }

  it("tells what its customers did since the history ended, at their own times, and each once however often it is opened", async () => {
    const shop = new Shop(small);
    for (const _ of shop.history());
    const total = await open(shop, 20);
    const since = new Shop(small);
    for (const _ of since.history());
    expect(intake.stored).toHaveLength(total);
    const expected = Array.from({ length: 20 }, () => since.next());
    expect(intake.stored.slice(0, 20)).toEqual(expected.map(({ messageId, timestamp }) => ({ messageId, timestamp })));
  });

  it('has others move in, each with a past of their own that ends now', async () => {
    const shop = new Shop({ ...small, until: Date.now() });
    for (const _ of shop.history());
    const total = await open(shop, 120);
    const ids = intake.stored.map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(total);
    const times = [...Map.groupBy(intake.stored, ({ messageId }) => messageId.split('-')[2]).values()].map((life) => life.map(({ timestamp }) => Date.parse(timestamp)));
    expect(times.length).toBeGreaterThan(1);
    for (const life of times) expect(life).toEqual(life.toSorted((one, other) => one - other));
    expect(times.flat().every((time) => time <= Date.now())).toBe(true);
    // Most of a year and a half, and not a moment.
    expect(Math.max(...times[0] ?? []) - Math.min(...times[0] ?? [])).toBeGreaterThan(90 * 86_400_000);
  });

  it('goes on with whoever has moved in', () => {
    const shop = new Shop({ ...small, customers: 1 });
    for (const _ of shop.history());
    const past = [...shop.moveIn(1_000, small.until)].map(({ messageId }) => messageId);
    const later = Array.from({ length: 200 }, () => shop.next().messageId).filter((id) => id.startsWith('sim-1-1000-'));
    expect(past.length).toBeGreaterThan(5);
    expect(later.length).toBeGreaterThan(5);
    expect(new Set([...past, ...later]).size).toBe(past.length + later.length);
  });
});
