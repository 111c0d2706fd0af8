import { randomUUID } from 'node:crypto';

import { Client } from 'pg';

import type { System } from '../../scripts/start/system.ts';

export interface Shop {
  readonly workspaceId: string;
  readonly customers: readonly { readonly userId: string; readonly customerId: string }[];
  /** As the owner: what runs as it meets no row-level security. */
  readonly ownerUrl: string;
}

export const SEGMENTS = 25;
const CUSTOMERS = 1_000;
const PER_BATCH = 250;

/** Where nothing lies behind: the reader of the feed has nothing to do. */
const END_OF_FEED = Number.MAX_SAFE_INTEGER;

/**
 * Customers through the real intake, and a model that places them in 25 segments as if it had been trained:
 * one learned place and two others each. Reads see no difference, and 25 is what is asked for.
 */
export async function fillShop({ ports, secrets }: System): Promise<Shop> {
  const userIds = Array.from({ length: CUSTOMERS }, (_, index) => `shopper-${index}`);
  for (let from = 0; from < CUSTOMERS; from += PER_BATCH) await send(ports.intake, secrets.writeKey, userIds.slice(from, from + PER_BATCH));
  const ownerUrl = `postgresql://postgres:${encodeURIComponent(secrets.postgresPassword)}@127.0.0.1:${ports.postgres}/kindred`;
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rows: workspaces } = await client.query<{ id: string }>('select id from access.workspaces');
    const workspaceId = workspaces[0]?.id ?? '';
    const { rows: customers } = await client.query<{ userId: string; customerId: string }>(
      `select s.external_id as "userId", m.customer_id as "customerId" from ingestion.subjects s
       join ingestion.subject_customers m on m.workspace_id = s.workspace_id and m.subject_id = s.id and m.ended_horizon is null
       where s.workspace_id = $1 and s.kind = 'USER' order by 1`,
      [workspaceId],
    );
    await place(client, workspaceId, customers.map(({ customerId }) => customerId));
    return { workspaceId, customers, ownerUrl };
  } finally {
    await client.end();
  }
}

async function send(port: number, writeKey: string, userIds: readonly string[]): Promise<void> {
  const batch = userIds.flatMap((userId) => [
    { type: 'identify', userId, traits: { plan: 'gold' } },
    ...['Product Viewed', 'Order Completed'].map((event) => ({ type: 'track', userId, event, properties: { revenue: 10 } })),
  ]);
  const response = await fetch(`http://127.0.0.1:${port}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` },
    body: JSON.stringify({ batch }),
  });
  if (!response.ok) throw new Error(`The intake answered ${response.status}.`);
}

async function place(client: Client, workspaceId: string, customerIds: readonly string[]): Promise<void> {
  const modelId = randomUUID();
  const traits = JSON.stringify(
    ['orders often', 'spends much', 'comes at night', 'views much', 'came early'].map((label) => ({ key: label, label, lift: 2, effect: 1, segmentValue: 2, restValue: 1, unit: '' })),
  );
  await client.query('begin');
  await client.query(`select set_config('app.workspace', $1, true)`, [workspaceId]);
  const { rows } = await client.query<{ id: string }>(
    `insert into serving.segments (workspace_id, id, kind, name, description, is_live)
     select $1, gen_random_uuid(), 'LEARNED', 'Segment ' || n, 'A group of customers, in words', true from generate_series(1, ${SEGMENTS}) as n returning id`,
    [workspaceId],
  );
  const segmentIds = rows.map(({ id }) => id);
  await client.query(
    `insert into serving.segment_versions (workspace_id, model_id, segment_index, segment_id, name, description, stability, traits, typical_customer_ids, size_at_discovery)
     select $1, $2, s.n, s.id, 'Segment ' || s.n, '', 0.9, $4::jsonb, '{}', 40 from unnest($3::uuid[]) with ordinality as s(id, n)`,
    [workspaceId, modelId, segmentIds, traits],
  );
  await client.query(
    `insert into serving.shadow_models (workspace_id, model_id, uri, hash, customers_sha256, prepared_at, customers, position_horizon, position_sequence)
     values ($1, $2, 'file:///none', '', '', now(), $3, $4, 0)`,
    [workspaceId, modelId, customerIds.length, END_OF_FEED],
  );
  await client.query('insert into serving.active_model (workspace_id, model_id, fence, activated_at) values ($1, $2, 1, now())', [workspaceId, modelId]);
  await client.query(
    `insert into serving.customer_states (workspace_id, model_id, customer_id, segment_index, strength, novelty, map_x, map_y, read_at, events, forecast_values, embedding, state)
     select $1, $2, id, 1, 0.9, 0.1, 0, 0, now() + interval '1 hour', 3, '', decode(repeat('00', 256), 'hex'), decode(repeat('00', 1024), 'hex') from unnest($3::uuid[]) as id`,
    [workspaceId, modelId, customerIds],
  );
  await client.query(
    `insert into serving.memberships (workspace_id, customer_id, level, segment_id, since, strength, decided_at, model_id)
     select $1, c.id, case k when 0 then 0 end, ($3::uuid[])[1 + (c.n + k * 7) % ${SEGMENTS}], now(), 0.9 - k * 0.1, now(), $2
     from unnest($4::uuid[]) with ordinality as c(id, n) cross join generate_series(0, 2) as k`,
    [workspaceId, modelId, segmentIds, customerIds],
  );
  await client.query('insert into serving.segment_sizes select workspace_id, segment_id, count(*) from serving.memberships group by 1, 2');
  await client.query('commit');
  await client.query('analyze');
}
