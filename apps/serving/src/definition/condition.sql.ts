import { definition } from '#libs/contracts';
import { type EventScope, FEED } from '#libs/history';

import { type Condition, type Literal, partsOf } from './condition.js';

const { PropertyOperator: Operator } = definition;
const HOURS_A_DAY = 24;
const DAY_MS = 86_400_000;

/** A segment and who is to be in it. */
export interface Rule {
  readonly segmentId: string;
  readonly condition: Condition;
}

/** At whom, as of when, and in what (see EventHistory) a statement looks. */
export interface Look {
  /** Null: everyone with events. */
  readonly customerIds: readonly string[] | null;
  readonly now: string;
  readonly source: string;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

const IN_SCOPE = (customer: string) => `($1::uuid[] is null or ${customer} = any($1))`;

/** Whether there is behaviour of a customer, wherever it lies. The limits have each customer looked up, whatever the planner takes the tables for. */
const BEHAVES = `coalesce((select true from ${FEED} f where f.customer_id = a.id limit 1),
    (select true from ingestion.archived_subjects_v1 s where s.behaviour_events > 0 and s.customer_id = a.id limit 1), false)`;
/** Whoever identify has told of, where that decides: they may have done nothing yet. */
const TOLD_OF = `coalesce((select true from ingestion.customer_attributes_v1 t where t.customer_id = a.id limit 1), false)`;
const BEHAVE_ALL = `select f.customer_id as id, true as behaves from ${FEED} f
    union select s.customer_id, true from ingestion.archived_subjects_v1 s where s.behaviour_events > 0`;
const TOLD_ALL = `union select t.customer_id, false from ingestion.customer_attributes_v1 t`;

/** `behaves`: there is behaviour; `told`: there are attributes, where one of the rules asks for some. */
function asked(customerIds: Look['customerIds'], asksAttributes: boolean): string {
  if (customerIds !== null) return `select a.id, ${BEHAVES} as behaves, ${asksAttributes ? TOLD_OF : 'false'} as told from unnest($1::uuid[]) as a(id)`;
  return `select e.id, bool_or(e.behaves) as behaves, bool_or(not e.behaves) as told from (${BEHAVE_ALL} ${asksAttributes ? TOLD_ALL : ''}) as e where ${IN_SCOPE('e.id')} group by 1`;
}

/** Where the window of a condition begins; undefined: it has none. */
export function sinceOf({ withinDays, ever }: definition.PerformedEvent, now: string): string | undefined {
  return ever ? undefined : new Date(Date.parse(now) - withinDays * DAY_MS).toISOString();
}

/** Events from before a time may count. */
export function reachesBeyond(condition: Condition, time: Date, now: string): boolean {
  const events = eventsFor([condition], now);
  return events !== undefined && (events.since === undefined || events.since < time.toISOString());
}

/** Which events decide some conditions at a time; undefined: none do. */
export function eventsFor(conditions: readonly Condition[], now: string): Pick<EventScope, 'since' | 'names' | 'isBehaviour'> | undefined {
  const performed = conditions.flatMap((condition) => [...partsOf(condition)].flatMap((part) => part.performed ?? []));
  if (performed.length === 0) return undefined;
  const since = performed.map((part) => sinceOf(part, now));
  // As texts of one form, times are in order.
  return { since: since.includes(undefined) ? undefined : since.sort()[0], names: [...new Set(performed.map(({ event }) => event))], isBehaviour: true };
}

/** Conditions as SQL of a customer `a.id`, and what has to be counted of their events as `c` for them; `value` takes a value of the statement. */
class Conditions {
  /** Columns of `c`. */
  readonly counts: string[] = [];
  /** What is counted and added up, by what it is; rules often do the same. */
  private readonly places = new Map<string, { readonly where: string; readonly times: string; readonly due: string | undefined }>();
  private readonly sums = new Map<string, string>();

  constructor(private readonly value: (given: unknown) => string) {}

  fits(part: Condition): string {
    const { value } = this;
    if (part.not) return `not ${this.fits(part.not)}`;
    if (part.all.length > 0) return `(${part.all.map((one) => this.fits(one)).join(' and ')})`;
    if (part.any.length > 0) return `(${part.any.map((one) => this.fits(one)).join(' or ')})`;
    if (part.performed) return this.performed(part.performed);
    if (part.attribute) return `coalesce(${filterSql(this.attributeOf(part.attribute), part.attribute, value)}, false)`;
    return `exists (select from serving.memberships m where m.customer_id = a.id and m.segment_id = ${value(part.memberOf)}::uuid and m.until is null)`;
  }

  /** How often, and when the first event that counts leaves its window (undefined: none ever does). */
  countOf(part: definition.PerformedEvent): { readonly where: string; readonly times: string; readonly due: string | undefined } {
    const { value, places, counts } = this;
    const { event, withinDays, ever, filters } = part;
    const key = keyOf(part);
    const known = places.get(key);
    if (known) return known;
    const window = ever ? undefined : `make_interval(hours => ${value(withinDays * HOURS_A_DAY)}::int)`;
    const where = [`f.name = ${value(event)}`, ...(window ? [`f.occurred_at > $2::timestamptz - ${window}`] : []), ...filters.map((filter) => filterSql(`(f.properties -> ${value(filter.property)}::text)`, filter, value))].join(' and ');
    const [times, oldest] = [`times${places.size}`, `oldest${places.size}`];
    counts.push(`count(*) filter (where ${where}) as ${times}`);
    if (window) counts.push(`min(f.occurred_at) filter (where ${where}) as ${oldest}`);
    const place = { where, times: `coalesce(c.${times}, 0)`, due: window && `c.${oldest} + ${window}` };
    places.set(key, place);
    return place;
  }

  /** As numerics, so that the order in which events are read changes nothing: whoever is judged again without cause stays where they are. */
  sumOf(part: definition.PerformedEvent, property: string): string {
    const { value, sums, counts } = this;
    const key = JSON.stringify([keyOf(part), property]);
    const known = sums.get(key);
    if (known) return known;
    const held = `(f.properties -> ${value(property)}::text)`;
    counts.push(`sum(case when jsonb_typeof(${held}) = 'number' then ${held}::numeric end) filter (where ${this.countOf(part).where}) as sum${sums.size}`);
    const sum = `coalesce(c.sum${sums.size}, 0)`;
    sums.set(key, sum);
    return sum;
  }

  /** What identify says of the customer; null where it says nothing. */
  attributeOf({ property }: definition.PropertyFilter): string {
    return `(select t.value from ingestion.customer_attributes_v1 t where t.customer_id = a.id and t.name = ${this.value(property)}::text)`;
  }

  private performed(part: definition.PerformedEvent): string {
    const between = (counted: string, { atLeast, atMost }: { readonly atLeast?: number | undefined; readonly atMost?: number | undefined }, type: string) => [
      ...(atLeast === undefined ? [] : [`${counted} >= ${this.value(String(atLeast))}::${type}`]),
      ...(atMost === undefined ? [] : [`${counted} <= ${this.value(String(atMost))}::${type}`]),
    ];
    const { sum } = part;
    return `(${[...between(this.countOf(part).times, part, 'bigint'), ...(sum ? between(this.sumOf(part, sum.property), sum, 'numeric') : [])].join(' and ')})`;
  }
}

const keyOf = ({ event, withinDays, ever, filters }: definition.PerformedEvent) => JSON.stringify([event, withinDays, ever, filters]);

/**
 * For each rule one row for each customer in the scope that has events (or attributes, where these decide): `segment_id`, `id`, as of when (`at`), whether the condition
 * `fits`, and `due`, when the first event that counts leaves its window (null where none ever does). Events are read from `source`, once for all rules. `from` reads these
 * rows as `judged` and decides what is answered; its own values come first, as $3 and on. Planned anew each time, so that what is null in the scope costs nothing.
 */
export function judging(rules: readonly Rule[], { customerIds, now, source }: Look, from: string, own: readonly unknown[] = []): Statement {
  const values: unknown[] = [customerIds, now, ...own];
  const value = (given: unknown) => `$${values.push(given)}`;
  const conditions = new Conditions(value);
  const rows = rules.map(({ segmentId, condition }) => {
    const parts = [...partsOf(condition)];
    const dues = parts.flatMap((part) => (part.performed ? (conditions.countOf(part.performed).due ?? []) : []));
    return `(${value(segmentId)}::uuid, ${conditions.fits(condition)}, ${dues.length > 0 ? `least(${dues.join(', ')})` : 'null::timestamptz'}, ${parts.some((part) => part.attribute)})`;
  });
  const events = eventsFor(rules.map(({ condition }) => condition), now);
  const counting = events && countingFrom(source, events, value);
  // Of some, each customer's events are looked up; of everyone, all are read in one go.
  const counted = counting && (customerIds ? `left join lateral (select ${conditions.counts.join(', ')} ${counting} and f.customer_id = a.id) c on true`
    : `left join (select f.customer_id as id, ${conditions.counts.join(', ')} ${counting} group by 1) c on c.id = a.id`);
  const asksAttributes = rules.some(({ condition }) => [...partsOf(condition)].some((part) => part.attribute));
  const text = `with asked as (${asked(customerIds, asksAttributes)}),
    judged as (select r.segment_id, a.id, $2::timestamptz as at, r.fits, r.due from asked a ${counted ?? ''}
      cross join lateral (values ${rows.join(', ')}) as r(segment_id, fits, due, asks_attributes)
      where a.behaves or (a.told and r.asks_attributes)) ${from}`;
  return { text, values };
}

const countingFrom = (source: string, { names, since }: Pick<EventScope, 'since' | 'names'>, value: (given: unknown) => string) =>
  `from ${source} f where f.name = any(${value(names)}::text[])${since ? ` and f.occurred_at > ${value(since)}::timestamptz` : ''}`;

/** What there is of one customer for a condition; what a condition does not ask is null. */
export interface Found {
  readonly isMet: boolean;
  readonly times: number | null;
  readonly sum: number | null;
  readonly due: string | null;
  /** JSON of the attribute. */
  readonly held: string | null;
}

/** One row (see Found) for each of some conditions that hold no others but by `not`, in their order, of one customer. */
export function finding(literals: readonly Literal[], { customerId, now, source }: Pick<Look, 'now' | 'source'> & { readonly customerId: string }): Statement {
  const values: unknown[] = [customerId, now];
  const value = (given: unknown) => `$${values.push(given)}`;
  const conditions = new Conditions(value);
  const rows = literals.map(({ condition, leaf: { performed, attribute } }, at) => {
    const counted = performed && conditions.countOf(performed);
    const sum = performed?.sum && conditions.sumOf(performed, performed.sum.property);
    return `(${at}, ${conditions.fits(condition)}, ${counted?.times ?? 'null'}::float8, ${sum ?? 'null'}::float8, (${counted?.due ?? 'null'})::timestamptz, ${attribute ? `${conditions.attributeOf(attribute)}::text` : 'null'})`;
  });
  const events = eventsFor(literals.map(({ condition }) => condition), now);
  const counted = events ? `left join lateral (select ${conditions.counts.join(', ')} ${countingFrom(source, events, value)} and f.customer_id = a.id) c on true` : '';
  const text = `select r.fits as "isMet", r.times, r.sum, to_char(r.due at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as due, r.held
    from (select $1::uuid as id, $2::timestamptz as at) a ${counted} cross join lateral (values ${rows.join(', ')}) as r(place, fits, times, sum, due, held) order by r.place`;
  return { text, values };
}

/**
 * What has to be written so that the segments $3 hold whom they should of the customers in the scope: who comes or goes, and whose next deadline is another.
 * Members without events left (they went to another customer) go.
 */
export const DIFFERENCES = `, held as (
    select segment_id, id, bool_or(is_member) as is_member, max(due) as due from (
      select segment_id, customer_id as id, true as is_member, null::timestamptz as due from serving.memberships
        where segment_id = any($3::uuid[]) and until is null and ${IN_SCOPE('customer_id')}
      union all select segment_id, customer_id, false, due_at from serving.segment_deadlines where segment_id = any($3::uuid[]) and ${IN_SCOPE('customer_id')}) as one
    group by 1, 2)
  select coalesce(j.segment_id, h.segment_id) as "segmentId", coalesce(j.id, h.id) as "customerId", coalesce(j.fits, false) as fits, coalesce(h.is_member, false) as "isMember",
    j.due::text as due, j.due is distinct from h.due as "hasOtherDue"
  from judged j full join held h on h.id = j.id and h.segment_id = j.segment_id
  where coalesce(j.fits, false) <> coalesce(h.is_member, false) or j.due is distinct from h.due`;

export const SAMPLE = `select count(*) filter (where fits)::float8 as size, count(*)::float8 as population,
    array(select id from judged where fits order by uuid_hash_extended(id, 0), id limit $3) as sample from judged`;

/** `held` is SQL for what there is, null where there is nothing; so may be what it answers. Any text is compared by its letters, whatever the collation. */
function filterSql(held: string, { operator, value: given }: definition.PropertyFilter, value: (given: unknown) => string): string {
  // jsonb orders numbers among themselves; texts are never more or less, and numbers have no text in them.
  const ofType = (type: 'number' | 'string', test: string) => `(jsonb_typeof(${held}) = '${type}' and ${test})`;
  const text = () => `${value(JSON.parse(given))}::text`;
  switch (operator) {
    case Operator.EQUALS:
      return `${held} = ${value(given)}::jsonb`;
    case Operator.DIFFERS:
      return `(${held}) is distinct from ${value(given)}::jsonb`;
    case Operator.AT_LEAST:
      return ofType('number', `${held} >= ${value(given)}::jsonb`);
    case Operator.AT_MOST:
      return ofType('number', `${held} <= ${value(given)}::jsonb`);
    case Operator.CONTAINS:
      return ofType('string', `strpos(${held} #>> '{}', ${text()}) > 0`);
    case Operator.STARTS_WITH:
      return ofType('string', `starts_with(${held} #>> '{}', ${text()})`);
    case Operator.IS_SET:
      return `jsonb_typeof(${held}) <> 'null'`;
    case Operator.IS_ONE_OF:
      return `${held} = any(array(select jsonb_array_elements(${value(given)}::jsonb)))`;
    case Operator.UNSPECIFIED:
      throw new Error('a filter that was not checked');
  }
}
