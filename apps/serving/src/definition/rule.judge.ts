import type { PoolClient } from 'pg';

import { partsOf, segmentsIn } from './condition.js';
import { DIFFERENCES, judging, type Look, type Rule } from './condition.sql.js';
import { cross, type Crossing } from './member.writes.js';

/** Conditions in one statement: what it takes to plan it grows with them. */
const MOST_CONDITIONS = 200;
/** Rules times customers in one statement: each may be a row that it answers. */
const MOST_ROWS = 20_000;

interface Difference {
  readonly segmentId: string;
  readonly customerId: string;
  readonly fits: boolean;
  readonly isMember: boolean;
  readonly due: string | null;
  readonly hasOtherDue: boolean;
}

const DEADLINES = `json_to_recordset($1::json) as r("segmentId" uuid, "customerId" uuid, due timestamptz)`;
const END_DEADLINES = `delete from serving.segment_deadlines d using ${DEADLINES} where r.due is null and d.segment_id = r."segmentId" and d.customer_id = r."customerId"`;
const SET_DEADLINES = `insert into serving.segment_deadlines (workspace_id, segment_id, customer_id, due_at)
  select kindred.workspace(), r."segmentId", r."customerId", r.due from ${DEADLINES} where r.due is not null
  on conflict (workspace_id, segment_id, customer_id) do update set due_at = excluded.due_at`;

/**
 * Judges customers under rules that do not name one another, in one statement, and writes who is a member of what and when they are to be judged again.
 * Answers the crossings, which are still to be told.
 */
export async function judge(client: PoolClient, rules: readonly Rule[], look: Look): Promise<Crossing[]> {
  const { text, values } = judging(rules, look, DIFFERENCES, [rules.map(({ segmentId }) => segmentId)]);
  const { rows } = await client.query<Difference>(text, [...values]);
  const deadlines = rows.filter(({ hasOtherDue }) => hasOtherDue);
  if (deadlines.length > 0) {
    const given = [JSON.stringify(deadlines.map(({ segmentId, customerId, due }) => ({ segmentId, customerId, due })))];
    await client.query(END_DEADLINES, given);
    await client.query(SET_DEADLINES, given);
  }
  const crossings = rows.filter(({ fits, isMember }) => fits !== isMember).map(({ segmentId, customerId, fits }) => ({ segmentId, customerId, enters: fits }));
  await cross(client, crossings, look.now);
  return crossings;
}

/** Rules by how many others lie below them: those of one level name only rules of levels before. */
export function inLevels<One extends Rule>(rules: readonly One[]): One[][] {
  const known = new Map(rules.map((rule) => [rule.segmentId, rule]));
  const levels = new Map<One, number>();
  const levelOf = (rule: One): number => {
    const named = segmentsIn(rule.condition).flatMap((id) => known.get(id) ?? []);
    const level = levels.get(rule) ?? Math.max(0, ...named.map((other) => levelOf(other) + 1));
    levels.set(rule, level);
    return level;
  };
  const grouped = Map.groupBy(rules, levelOf);
  return [...grouped.keys()].sort((a, b) => a - b).map((level) => grouped.get(level) ?? []);
}

/**
 * Rules in groups of which one statement can judge so many customers. What asks of their whole past has all of it read, so that it goes apart: the others
 * read no further than their windows.
 */
export function inStatements<One extends Rule>(rules: readonly One[], customers: number): One[][] {
  const { whole = [], recent = [] } = Object.groupBy(rules, ({ condition }) => ([...partsOf(condition)].some(({ performed }) => performed?.ever) ? 'whole' : 'recent'));
  return [recent, whole].flatMap((some) => packed(some, customers));
}

function packed<One extends Rule>(rules: readonly One[], customers: number): One[][] {
  const groups: One[][] = [];
  let conditions = Infinity;
  for (const rule of rules) {
    const parts = [...partsOf(rule.condition)].length;
    const group = groups.at(-1);
    if (group && conditions + parts <= MOST_CONDITIONS && (group.length + 1) * customers <= MOST_ROWS) {
      group.push(rule);
      conditions += parts;
    } else {
      groups.push([rule]);
      conditions = parts;
    }
  }
  return groups;
}
