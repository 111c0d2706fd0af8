import type { worker } from '#libs/contracts';

/** What scores, with a model that it can load. */
export interface ScoreWorkerUnderTest {
  score(requests: AsyncIterable<worker.ScoreRequest>, options: { signal: AbortSignal }): AsyncIterable<worker.ScoreResponse>;
  readonly modelUri: string;
  readonly modelHash: string;
  /** An event that the model knows. */
  readonly event: { readonly name: string; readonly properties: object };
  /** When customers were active, milliseconds. */
  readonly at: number;
  stop(): Promise<void>;
}

const DAY = 86_400_000;

/** What serving relies on, whoever answers it: the fake, the real worker and scoring in process pass the same suite. */
export function describeScoreWorker(name: string, start: () => Promise<ScoreWorkerUnderTest>): void {
  describe(name, () => {
    let subject: ScoreWorkerUnderTest;
    beforeAll(async () => {
      subject = await start();
    }, 180_000);
    afterAll(() => subject.stop());

    const event = (day: number): worker.ScoreEvent => ({
      name: subject.event.name,
      occurredAt: (subject.at + day * DAY) * 1_000,
      properties: Buffer.from(JSON.stringify(subject.event.properties)),
    });
    const customer = (customerId: string, events: worker.ScoreEvent[], state: Uint8Array = Buffer.alloc(0), day = 30): worker.CustomerScoreRequest => ({
      customerId,
      state: Buffer.from(state),
      events,
      readAt: (subject.at + day * DAY) * 1_000,
    });
    const request = (requestId: number, customers: worker.CustomerScoreRequest[], change: Partial<worker.ScoreRequest> = {}): worker.ScoreRequest => ({
      requestId, modelUri: subject.modelUri, modelHash: subject.modelHash, fence: 7, customers, deadline: 0, ...change,
    });

    async function ask(...requests: worker.ScoreRequest[]): Promise<worker.ScoreResponse[]> {
      const responses: worker.ScoreResponse[] = [];
      const outgoing = async function* () {
        yield* requests;
      };
      for await (const response of subject.score(outgoing(), { signal: AbortSignal.timeout(30_000) })) responses.push(response);
      return responses.sort((a, b) => a.requestId - b.requestId);
    }
    const one = async (asked: worker.CustomerScoreRequest): Promise<worker.CustomerScoreResult> => {
      const result = (await ask(request(1, [asked])))[0]?.customers[0];
      if (!result) throw new Error('no answer');
      return result;
    };
    const floats = (packed: Uint8Array) => Array.from({ length: packed.length / 4 }, (_, index) => Buffer.from(packed).readFloatLE(index * 4));
    const expectSame = (a: worker.CustomerScoreResult, b: worker.CustomerScoreResult) => {
      expect(a.segmentIndex).toBe(b.segmentIndex);
      expect(a.finerIndex).toBe(b.finerIndex);
      expect(a.strength).toBeCloseTo(b.strength, 4);
      for (const [index, value] of floats(a.embedding).entries()) expect(value).toBeCloseTo(floats(b.embedding)[index] ?? Number.NaN, 3);
    };

    test('answers each request once, with its id, hash and fence, and every customer in it', async () => {
      const responses = await ask(request(11, [customer('a', [event(0)]), customer('b', [event(1)])]), request(12, [customer('c', [event(2)])], { fence: 8 }));
      expect(responses.map(({ requestId, fence, modelHash, customers }) => [requestId, fence, modelHash, customers.map(({ customerId }) => customerId).sort().join()])).toEqual([
        [11, 7, subject.modelHash, 'a,b'],
        [12, 8, subject.modelHash, 'c'],
      ]);
    });

    test('event by event comes to the same as all of them at once', async () => {
      const days = [0, 1, 3, 4, 9];
      let state: Uint8Array = Buffer.alloc(0);
      let last: worker.CustomerScoreResult | undefined;
      for (const day of days) {
        last = await one(customer('a', [event(day)], state));
        state = last.state;
      }
      if (last) expectSame(last, await one(customer('a', days.map(event))));
      expect.hasAssertions();
    });

    test('a customer is read alike alone and among others', async () => {
      const crowd = Array.from({ length: 40 }, (_, index) => customer(`c${index}`, Array.from({ length: 1 + (index % 7) }, (__, day) => event(day))));
      const [response] = await ask(request(1, crowd));
      for (const asked of [crowd[0], crowd[13], crowd[39]]) {
        const among = response?.customers.find(({ customerId }) => customerId === asked?.customerId);
        if (asked && among) expectSame(among, await one(asked));
      }
      expect(response?.customers).toHaveLength(40);
    });

    test('a late event is taken in as if it had come in order, or a rebuild is asked for', async () => {
      const before = await one(customer('a', [event(0), event(5)]));
      const after = await one(customer('a', [event(2)], before.state));
      if (after.rebuild) expect(after.state).toHaveLength(0);
      else expectSame(after, await one(customer('a', [event(0), event(2), event(5)])));
    });

    test('a state can be read later without an event, and reading leaves it as it was', async () => {
      const { state } = await one(customer('a', [event(0), event(1)]));
      const later = await one(customer('a', [], state, 60));
      expect(later.error).toBe('');
      expectSame(await one(customer('a', [], later.state, 60)), later);
    });

    test('what is told of a customer lies within its bounds', async () => {
      const result = await one(customer('a', [event(0), event(1)]));
      expect(result.segmentIndex).toBeGreaterThanOrEqual(-1);
      for (const share of [result.strength, result.novelty, ...chancesOf(result)]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
      expect(result.state.length).toBeGreaterThan(0);
      expect(result.embedding.length % 4).toBe(0);
    });

    test('properties that cannot be read fail their own customer and nobody else', async () => {
      const bad = { ...event(0), properties: Buffer.from('{"a":') };
      const [response] = await ask(request(1, [customer('bad', [bad]), customer('good', [event(0)])]));
      const byId = new Map(response?.customers.map((result) => [result.customerId, result]));
      expect(byId.get('bad')?.error).not.toBe('');
      expect(byId.get('good')?.error).toBe('');
    });

    test('a model with another hash is refused, and the stream says why', async () => {
      await expect(ask(request(1, [customer('a', [event(0)])], { modelHash: 'wrong' }))).rejects.toMatchObject({ reason: 'MODEL_UNAVAILABLE' });
    });
  });
}

/** Probabilities of a forecast: every other of its numbers. */
function chancesOf({ packedForecast: forecast }: worker.CustomerScoreResult): number[] {
  return Array.from({ length: forecast.length / 8 }, (_, index) => forecast.readFloatLE(index * 8));
}
