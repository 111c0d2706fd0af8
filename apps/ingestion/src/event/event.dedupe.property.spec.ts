import fc from 'fast-check';

import { type IngestionUnderTest, startIngestion, WRITE_KEY } from '../testing/ingestion-under-test.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

type Door = 'http' | 'grpc' | 'stream';
interface Request {
  readonly door: Door;
  /** Message ids, of few: some come twice in a request, and some in requests that are under way at once. */
  readonly ids: readonly number[];
  /** Moves the event's own time, and with it the partition that it would lie in. */
  readonly month: number;
}

const request: fc.Arbitrary<Request> = fc.record({
  door: fc.constantFrom<Door>('http', 'grpc', 'stream'),
  ids: fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }),
  month: fc.integer({ min: 1, max: 12 }),
});

async function send({ door, ids, month }: Request, run: number): Promise<void> {
  const events = ids.map((id) => ({
    type: 'track', event: 'Seen', userId: `u${id % 3}`, messageId: `dedupe ${run} ${id}`, timestamp: `2025-${String(month).padStart(2, '0')}-03T00:00:00Z`,
  }));
  const texts = events.map((event) => JSON.stringify(event));
  if (door === 'http') {
    const answer = await fetch(`${kindred.intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}` }, body: JSON.stringify({ batch: events }) });
    expect(answer.status).toBe(200);
  } else if (door === 'grpc') await kindred.events.trackEvents({ events: texts.map((text) => Buffer.from(text)), sentAt: undefined }, call);
  else await kindred.streams.streamEvents(one({ events: texts, sentAt: undefined }), call);
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}

test('whatever comes through whichever door, one after the other and at once, each message id is stored once and every repetition is counted', async () => {
  let run = 0;
  // Rounds follow one another; the requests of a round are under way together.
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(request, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }), async (rounds) => {
      run++;
      for (const round of rounds) await Promise.all(round.map((each) => send(each, run)));
      const sent = rounds.flat().flatMap(({ ids }) => ids);
      const counted = async (table: string) =>
        (await kindred.sql.query<{ message_id: string; count: number }>(`SELECT message_id, count(*)::int AS count FROM ingestion.${table} WHERE message_id LIKE $1 GROUP BY 1`, [`dedupe ${run} %`])).rows;
      const times = Map.groupBy(sent, (id) => `dedupe ${run} ${id}`);
      expect(Object.fromEntries((await counted('events')).map(({ message_id: id, count }) => [id, count]))).toEqual(Object.fromEntries([...times.keys()].map((id) => [id, 1])));
      const repeated = [...times].filter(([, all]) => all.length > 1).map(([id, all]): [string, number] => [id, all.length - 1]);
      expect(Object.fromEntries((await counted('duplicate_events')).map(({ message_id: id, count }) => [id, count]))).toEqual(Object.fromEntries(repeated));
    }),
    { numRuns: 40 },
  );
}, 120_000);
