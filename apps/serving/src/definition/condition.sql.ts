import { definition } from '#libs/contracts';
import { type EventScope, FEED } from '#libs/history';

import { type Condition, partsOf } from './condition.js';

const HOURS_A_DAY = 24;
const DAY_MS = 86_400_000;

/** Whom a statement looks at; null: everyone with events. */
export interface Scope {
  readonly customerIds: readonly string[] | null;
  readonly partition: number | null;
}

export const EVERYONE: Scope = { customerIds: null, partition: null };
/** A statement of nobody shows whether Postgres takes it. */
export const NOBODY: Scope = { customerIds: [], partition: null };

/** At whom, as of when, and in what (see EventHistory) a statement looks. */
export interface Look {
  readonly scope: Scope;
  readonly now: string;
  readonly source: string;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const IN_SCOPE = (customer: string) => `($1::uuid[] is null or ${customer} = any($1)) and ($2::int is null or serving.partition_of(${customer}) = $2)`;

const ASKED = `select f.customer_id as id from ${FEED} f where ${IN_SCOPE('f.customer_id')}
    union select s.customer_id from ingestion.archived_subjects_v1 s where s.behaviour_events > 0 and ${IN_SCOPE('s.customer_id')}`;

/** Whoever identify has told of, where that decides: they may have done nothing yet. */
const TOLD_OF = `select t.customer_id from ingestion.customer_attributes_v1 t where ${IN_SCOPE('t.customer_id')}`;

/** Which events decide some conditions at a time; undefined: none do. */
export function eventsFor(conditions: readonly Condition[], now: string): Pick<EventScope, 'since' | 'names' | 'isBehaviour'> | undefined {
  const performed = conditions.flatMap((condition) => [...partsOf(condition)].flatMap((part) => part.performed ?? []));
  if (performed.length === 0) return undefined;
  const days = Math.max(...performed.map(({ withinDays }) => withinDays));
  return { since: new Date(Date.parse(now) - days * DAY_MS).toISOString(), names: [...new Set(performed.map(({ event }) => event))], isBehaviour: true };
}

/**
 * One row for each customer in the scope that has events (or attributes, where these decide): `id`, as of when (`at`), whether the condition `fits`, and `due`, when the
 * first event that counts leaves its window. Events are read from
 * `source`. `from` reads these rows as `judged` and decides what is answered; its own values come first, as $4 and on. Planned anew each time, so that what is null in the scope costs nothing.
 */
export function judging(condition: Condition, { scope, now, source }: Look, from: string, own: readonly unknown[] = []): Statement {
  const values: unknown[] = [scope.customerIds, scope.partition, now, ...own];
  const value = (given: unknown) => `$${values.push(given)}`;
  const counts: string[] = [];
  const due: string[] = [];
  const fits = (part: Condition): string => {
    if (part.not) return `not ${fits(part.not)}`;
    if (part.all.length > 0) return `(${part.all.map(fits).join(' and ')})`;
    if (part.any.length > 0) return `(${part.any.map(fits).join(' or ')})`;
    if (part.performed) return performed(part.performed);
    if (part.attribute) return attribute(part.attribute);
    return `exists (select from serving.memberships m where m.customer_id = a.id and m.segment_id = ${value(part.memberOf)}::uuid and m.until is null)`;
  };
  const performed = ({ event, atLeast, atMost, withinDays, filters }: definition.PerformedEvent): string => {
    const name = `n${counts.length}`;
    const window = `make_interval(hours => ${value(withinDays * HOURS_A_DAY)}::int)`;
    const where = [
      IN_SCOPE('f.customer_id'), `f.name = ${value(event)}`, `f.occurred_at > $3::timestamptz - ${window}`, ...filters.map((filter) => filterSql(`(f.properties -> ${value(filter.property)}::text)`, filter, value)),
    ];
    counts.push(`${name} as (select f.customer_id as id, count(*) as times, min(f.occurred_at) as oldest
      from ${source} f where ${where.join(' and ')} group by 1)`);
    due.push(`${name}.oldest + ${window}`);
    const times = `coalesce(${name}.times, 0)`;
    return `(${[...(atLeast === undefined ? [] : [`${times} >= ${value(atLeast)}::bigint`]), ...(atMost === undefined ? [] : [`${times} <= ${value(atMost)}::bigint`])].join(' and ')})`;
  };
  const attribute = (filter: definition.PropertyFilter): string => {
    const held = `(select t.value from ingestion.customer_attributes_v1 t where t.customer_id = a.id and t.name = ${value(filter.property)}::text)`;
    return `coalesce(${filterSql(held, filter, value)}, false)`;
  };
  const judged = fits(condition);
  const joins = counts.map((_, index) => `left join n${index} on n${index}.id = a.id`).join(' ');
  const asked = [...partsOf(condition)].some((part) => part.attribute) ? `${ASKED} union ${TOLD_OF}` : ASKED;
  const text = `with asked as (${asked})${counts.map((count) => `, ${count}`).join('')},
    judged as (select a.id, $3::timestamptz as at, ${judged} as fits, ${due.length > 0 ? `least(${due.join(', ')})` : 'null::timestamptz'} as due from asked a ${joins}) ${from}`;
  return { text, values };
}

/**
 * What has to be written so that the segment $4 holds whom it should: who comes or goes, and everybody's next deadline.
 * Members without events left (they went to another customer) go.
 */
export const DIFFERENCES = `select coalesce(j.id, m.id) as "customerId", coalesce(j.fits, false) as fits, m.id is not null as "isMember", j.due::text as due
  from judged j full join (
    select customer_id as id from serving.memberships where segment_id = $4 and until is null and ${IN_SCOPE('customer_id')}) m on m.id = j.id
  where j.due is not null or coalesce(j.fits, false) <> (m.id is not null)`;

export const SAMPLE = `select count(*) filter (where fits)::float8 as size, count(*)::float8 as population,
    array(select id from judged where fits order by uuid_hash_extended(id, 0), id limit $4) as sample from judged`;

/** `held` is SQL for what there is, null where there is nothing. */
function filterSql(held: string, { operator, value: given }: definition.PropertyFilter, value: (given: unknown) => string): string {
  const wanted = `${value(given)}::jsonb`;
  if (operator === definition.PropertyOperator.EQUALS) return `${held} = ${wanted}`;
  if (operator === definition.PropertyOperator.DIFFERS) return `(${held}) is distinct from ${wanted}`;
  // jsonb orders numbers among themselves; texts are never more or less.
  const sign = operator === definition.PropertyOperator.AT_LEAST ? '>=' : '<=';
  return `(jsonb_typeof(${held}) = 'number' and ${held} ${sign} ${wanted})`;
}
