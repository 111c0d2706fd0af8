import type { ingestion } from '#libs/contracts';

import { type IngestionUnderTest, startIngestion, WORKSPACE, WRITE_KEY } from '../testing/ingestion-under-test.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion({ LEDGER_RECONCILE_SECONDS: '0.05' });
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

const read = (from?: string, to?: string) => kindred.events.getEventLedger({ from, to }, call);

async function send(...batch: object[]): Promise<void> {
  const response = await fetch(`${kindred.intake}/v1/batch`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}` }, body: JSON.stringify({ batch }) });
  expect(response.status).toBe(200);
}

/** The ledger once a round that began after this moment has looked at the range. */
async function recounted(from?: string, to?: string): Promise<ingestion.GetEventLedgerResponse> {
  const { rows } = await kindred.sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const now = rows[0]?.now ?? new Date();
  for (;;) {
    const ledger = await read(from, to);
    if (ledger.reconciledAt !== undefined && new Date(ledger.reconciledAt) > now) return ledger;
  }
}

async function metric(): Promise<string | undefined> {
  const text = await (await fetch(`${kindred.intake}/metrics`)).text();
  return new RegExp(`kindred_intake_ledger_difference_events\\{workspace="${WORKSPACE}"\\} (\\d+)`).exec(text)?.[1];
}
async function untilMetric(value: string): Promise<void> {
  while ((await metric()) !== value);
}

const event = (messageId: string, more: object = {}) => ({ type: 'track', event: 'Seen', userId: 'u', messageId, ...more });

test('the ledger is recounted from the data while events come in, and agrees', async () => {
  await send(event('a'), event('b'), event('a'), event('c', { event: '' }));
  await send(event('b'), event('d', { userId: 'null' }));
  expect(await recounted()).toMatchObject({ received: 6, stored: 2, duplicate: 2, rejected: 2, difference: 0 });
  await untilMetric('0');
});

test('a row that is missing is found, told in the ledger of its time and by the metric, and all of it ends with the reason', async () => {
  const { rows } = await kindred.sql.query<{ hour: Date }>("DELETE FROM ingestion.duplicate_events WHERE message_id = 'a' RETURNING date_trunc('hour', received_at, 'UTC') AS hour");
  const hour = rows[0]?.hour.getTime() ?? 0;
  await untilMetric('1');
  expect(await recounted()).toMatchObject({ duplicate: 2, difference: 1 });
  expect(await recounted(new Date(hour).toISOString(), new Date(hour + 3_600_000).toISOString())).toMatchObject({ difference: 1 });
  expect(await read(new Date(hour + 3_600_000).toISOString())).toMatchObject({ difference: 0 });
  await kindred.sql.query("INSERT INTO ingestion.duplicate_events (workspace_id, message_id, received_at, source) VALUES ($1, 'a', $2, 'http')", [WORKSPACE, new Date(hour)]);
  await untilMetric('0');
});

test('a difference of long ago is found too, also where nothing else arrived', async () => {
  const long = '2024-03-05T06:07:08Z';
  await kindred.sql.query("INSERT INTO ingestion.intake_batches VALUES ($1, $2, gen_random_uuid(), 'http', 7, 4, 2, 1)", [WORKSPACE, long]);
  await untilMetric('7');
  expect(await read('2024-01-01T00:00:00Z', '2025-01-01T00:00:00Z')).toMatchObject({ received: 7, difference: 7 });
  expect((await kindred.sql.query("SELECT * FROM ingestion.ledger_checks WHERE stored_difference <> 0")).rows).toMatchObject([
    { hour: new Date('2024-03-05T06:00:00Z'), stored_difference: '-4', duplicate_difference: '-2', rejected_difference: '-1' },
  ]);
  await kindred.sql.query('DELETE FROM ingestion.intake_batches WHERE received_at = $1', [long]);
  await untilMetric('0');
});

test('what another workspace has is no difference here', async () => {
  await kindred.sql.query("INSERT INTO ingestion.intake_batches VALUES (gen_random_uuid(), now(), gen_random_uuid(), 'http', 1, 1, 0, 0)");
  expect(await recounted()).toMatchObject({ difference: 0 });
});
