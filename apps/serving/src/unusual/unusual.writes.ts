import type { PoolClient } from 'pg';

import { novelty } from '#libs/contracts';

import type { ScoredBatch } from '../scoring/scored.batch.js';
import { CHANGE_PLACE } from '../scoring/write.lock.js';
import { isoOf } from '../time/micros.js';
import { customerThreshold, type NoveltySetting, type Threshold } from './threshold.js';
import { CLEARLY, crossingOf } from './unusual.rule.js';

type Write = (client: PoolClient) => Promise<unknown>;

/** What a model measured and what the workspace says. */
export interface Bounds {
  readonly ordinary: novelty.OrdinaryNovelty | undefined;
  readonly setting: NoveltySetting;
}

/** Of a batch's customers, before it is written. */
export interface UnusualBefore {
  readonly threshold: Threshold | undefined;
  /** Those who are unusual, and whether that was told. */
  readonly unusual: ReadonlyMap<string, UnusualRow>;
}

interface UnusualRow {
  readonly customerId: string;
  /** When they became so. */
  readonly novelty: number;
  readonly isTold: boolean;
}

interface Change {
  readonly customer_id: string;
  readonly is_unusual: boolean;
  readonly novelty: number;
  readonly decided_at: string;
}

const BOUNDS = `select m.ordinary_novelty as ordinary, s.quantile, s.threshold
  from serving.shadow_models m left join serving.novelty_settings s using (workspace_id) where m.model_id = $1`;
const UNUSUAL = `select customer_id as "customerId", novelty, is_told as "isTold" from serving.unusual_customers where customer_id = any($1::uuid[])`;

const CHANGES = 'json_to_recordset($1::json) as r(customer_id uuid, is_unusual boolean, novelty float8, decided_at timestamptz)';
const BEGIN = `insert into serving.unusual_customers (workspace_id, customer_id, since, novelty, is_told, model_id)
  select kindred.workspace(), r.customer_id, r.decided_at, r.novelty, true, $2 from ${CHANGES}`;
const END = `delete from serving.unusual_customers where customer_id = any($1::uuid[])`;
const TOLD = 'workspace_id, xid, customer_id, is_unusual, novelty, threshold, decided_at, model_id, cause';
const TELL = `insert into serving.unusual_changes (${TOLD})
  select kindred.workspace(), ${CHANGE_PLACE}, r.customer_id, r.is_unusual, r.novelty, $3, r.decided_at, $2, 'READING' from ${CHANGES}`;

/*
 * Everyone by their last reading, for another model or threshold ($2, null: none). Nobody is told of who becomes unusual
 * by that, so that it is no storm of alerts, and the threshold is a sharp one for them; of whom they were told to be unusual,
 * they are told that it is over. Whom the model $1 has not read yet stays as they are until it has.
 */
const END_ALL = `with ended as (
    delete from serving.unusual_customers u using serving.unusual_customers v
      left join serving.customer_states s on s.model_id = $1 and s.customer_id = v.customer_id
    where u.customer_id = v.customer_id and ($2::float8 is null or s.novelty < $2 - case when v.is_told then ${CLEARLY} else 0 end)
    returning u.customer_id, u.is_told, coalesce(s.novelty, u.novelty) as novelty, coalesce(s.read_at, now()) as read_at
  )
  insert into serving.unusual_changes (${TOLD})
  select kindred.workspace(), ${CHANGE_PLACE}, customer_id, false, novelty, $2, read_at, $1, $3 from ended where is_told`;
const BEGIN_ALL = `insert into serving.unusual_customers (workspace_id, customer_id, since, novelty, is_told, model_id)
  select kindred.workspace(), customer_id, read_at, novelty, false, model_id from serving.customer_states
  where model_id = $1 and novelty >= $2 and not is_broken on conflict (workspace_id, customer_id) do nothing`;

/** What a model is held to; of one that there is none of, nothing measured. */
export async function boundsOf(client: PoolClient, modelId: string): Promise<Bounds> {
  const { rows } = await client.query<NoveltySetting & { ordinary: unknown }>({ name: 'novelty-bounds', text: BOUNDS, values: [modelId] });
  const { ordinary = null, quantile = null, threshold = null } = rows[0] ?? {};
  return { ordinary: ordinary === null ? undefined : novelty.OrdinaryNovelty.fromJSON(ordinary), setting: { quantile, threshold } };
}

/** In the transaction that writes states, after the lock of memberships. */
export async function unusualBefore(client: PoolClient, modelId: string, customerIds: readonly string[]): Promise<UnusualBefore> {
  const [{ ordinary, setting }, { rows }] = await Promise.all([
    boundsOf(client, modelId),
    client.query<UnusualRow>({ name: 'unusual-before', text: UNUSUAL, values: [customerIds] }),
  ]);
  return { threshold: customerThreshold(ordinary?.customers, setting), unusual: new Map(rows.map((row) => [row.customerId, row])) };
}

/** The statements that bring who is unusual to where the batch says: those of its own customers, and those under the lock of changes. */
export function unusualWrites({ now, served: { modelId }, states, gone, former }: ScoredBatch, { threshold, unusual }: UnusualBefore): { own: Write[]; told: Write[] } {
  const decidedAt = isoOf(now);
  const readings = states
    .filter(({ isBroken }) => !isBroken)
    .map(({ customerId, novelty }) => ({
      crossing: crossingOf(unusual.has(customerId), novelty, threshold?.threshold),
      change: { customer_id: customerId, novelty, decided_at: decidedAt },
    }));
  const those = (asked: string, is_unusual: boolean): Change[] => readings.filter(({ crossing }) => crossing === asked).map(({ change }) => ({ ...change, is_unusual }));
  const begun = those('BEGINS', true);
  const ended = [
    ...those('ENDS', false),
    ...gone.flatMap((id) => unusual.get(id) ?? []).map(({ customerId, novelty }) => ({ customer_id: customerId, is_unusual: false, novelty: former.get(customerId)?.novelty ?? novelty, decided_at: decidedAt })),
  ];
  const changes = [...begun, ...ended.filter(({ customer_id }) => unusual.get(customer_id)?.isTold)];
  const own: Write[] = [];
  if (begun.length > 0) own.push(statement('begin', BEGIN, [JSON.stringify(begun), modelId]));
  if (ended.length > 0) own.push(statement('end', END, [ended.map(({ customer_id }) => customer_id)]));
  return { own, told: changes.length === 0 ? [] : [statement('tell', TELL, [JSON.stringify(changes), modelId, threshold?.threshold ?? null])] };
}

/** Parsed and planned once per connection. */
function statement(name: string, text: string, values: readonly unknown[]): Write {
  return (client) => client.query({ name: `unusual-${name}`, text, values: [...values] });
}

/** Everyone anew, under the locks of memberships and changes. */
export async function changeUnusual(client: PoolClient, modelId: string, cause: 'PROMOTION' | 'THRESHOLD'): Promise<void> {
  const { ordinary, setting } = await boundsOf(client, modelId);
  const threshold = customerThreshold(ordinary?.customers, setting)?.threshold ?? null;
  await Promise.all([
    client.query(END_ALL, [modelId, threshold, cause]),
    ...(threshold === null ? [] : [client.query(BEGIN_ALL, [modelId, threshold])]),
  ]);
}
