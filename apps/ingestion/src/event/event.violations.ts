import type { PoolClient } from 'pg';

import type { IntakeItem, PlanViolations } from './event.js';

/** Ways (property and rule) that are told apart, of one event from one source in one hour. */
const MOST_WAYS = 100;
/** Property and rule of all beyond. */
const OTHER = '…';

const UPSERT = {
  name: 'upsert_plan_violations',
  text: `
    INSERT INTO ingestion.tracking_plan_violations AS v
      (workspace_id, hour, event_name, source, property, rule, count, refused, example_message_id)
    SELECT $1::uuid, hour, event_name, $2, property, rule, sum(count), sum(refused), max(example)
    FROM (
      SELECT s.hour, s.event_name, s.count, s.refused, s.example,
        CASE WHEN s.fits THEN s.property ELSE '${OTHER}' END AS property, CASE WHEN s.fits THEN s.rule ELSE '${OTHER}' END AS rule
      FROM (
        SELECT u.*, EXISTS (
            SELECT FROM ingestion.tracking_plan_violations k WHERE k.workspace_id = $1 AND k.hour = u.hour
              AND k.event_name = u.event_name AND k.source = $2 AND k.property = u.property AND k.rule = u.rule
          ) OR (
            SELECT count(*) FROM (
              SELECT FROM ingestion.tracking_plan_violations k WHERE k.workspace_id = $1 AND k.hour = u.hour
                AND k.event_name = u.event_name AND k.source = $2 LIMIT ${MOST_WAYS}) k
          ) < ${MOST_WAYS} AS fits
        FROM unnest($3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[])
          AS u (hour, event_name, property, rule, count, refused, example)
      ) s
    ) t
    GROUP BY hour, event_name, property, rule
    ORDER BY hour, event_name, property COLLATE "C", rule COLLATE "C"
    ON CONFLICT (workspace_id, hour, event_name, source, property, rule) DO UPDATE
    SET count = v.count + excluded.count, refused = v.refused + excluded.refused,
      example_message_id = coalesce(nullif(excluded.example_message_id, ''), v.example_message_id)`,
};

interface Tally {
  readonly hour: string;
  readonly eventName: string;
  readonly property: string;
  readonly rule: string;
  count: number;
  refused: number;
  example: string;
}

/** Counts how events were otherwise than declared; one that came again (`isStored` false) is not counted again. */
export async function writeViolations(client: PoolClient, { workspaceId, source }: { workspaceId: string; source: string }, items: readonly IntakeItem[], isStored: readonly boolean[]): Promise<void> {
  const rows = tallied(items, isStored);
  if (rows.length === 0) return;
  const column = <T>(of: (row: Tally) => T): T[] => rows.map(of);
  await client.query({
    ...UPSERT,
    values: [
      workspaceId,
      source,
      column(({ hour }) => hour),
      column(({ eventName }) => eventName),
      column(({ property }) => property),
      column(({ rule }) => rule),
      column(({ count }) => count),
      column(({ refused }) => refused),
      column(({ example }) => example),
    ],
  });
}

/** By hour, event, property and rule; at most MOST_WAYS of an event and hour and one row for the rest. */
export function tallied(items: readonly IntakeItem[], isStored: readonly boolean[]): Tally[] {
  const byKey = new Map<string, Tally>();
  const ways = new Map<string, number>();
  let ordinal = 0;
  for (const item of items) {
    const isNew = 'rejection' in item || isStored[ordinal++] === true;
    if (item.violations && isNew) add(byKey, ways, item, item.violations);
  }
  return [...byKey.values()];
}

function add(byKey: Map<string, Tally>, ways: Map<string, number>, item: IntakeItem, { eventName, ways: found }: PlanViolations): void {
  const { receivedAt, messageId } = 'event' in item ? item.event : item.rejection;
  const hour = `${receivedAt.toISOString().slice(0, 13)}:00:00.000Z`;
  const group = JSON.stringify([hour, eventName]);
  // Of several ways beyond the bound an event counts once.
  const counted = new Set<string>();
  for (const way of found) {
    const named = JSON.stringify([hour, eventName, way.property, way.rule]);
    const isFull = !byKey.has(named) && (ways.get(group) ?? 0) >= MOST_WAYS;
    const { property, rule } = isFull ? { property: OTHER, rule: OTHER } : way;
    const key = JSON.stringify([hour, eventName, property, rule]);
    if (counted.has(key)) continue;
    counted.add(key);
    const row = byKey.get(key) ?? { hour, eventName, property, rule, count: 0, refused: 0, example: '' };
    if (!byKey.has(key) && !isFull) ways.set(group, (ways.get(group) ?? 0) + 1);
    byKey.set(key, row);
    row.count++;
    if ('rejection' in item) row.refused++;
    row.example = messageId ?? row.example;
  }
}
