import { definition } from '#libs/contracts';

import { type Condition, placesIn, segmentsIn } from './condition.js';
import { reachesBeyond, sinceOf } from './condition.sql.js';
import { nearestNames } from './nearest.name.js';
import { isTooSlow } from './rule.failure.js';
import { senselessIn } from './rule.sense.js';

/** Events of which the names of properties are looked at before all of a window are. */
const SOME = 1_000;
/** Names of attributes among which a misspelt one is looked for. */
const MOST_NAMES = 1_000;

/** A property that a rule asks for. */
interface Asked {
  readonly path: string;
  readonly name: string;
  /** Only numbers can meet what is asked. */
  readonly isOfNumbers: boolean;
}

interface AskedOfEvent extends Asked {
  readonly performed: definition.PerformedEvent;
}

/** A name that something has, and whether it is ever a number there. */
interface Seen {
  readonly name: string;
  readonly hasNumber: boolean;
}

/** A segment that a rule names; `isThere`: somebody can be in it. */
interface NamedSegment {
  readonly id: string;
  readonly name: string;
  readonly isLearned: boolean;
  readonly isThere: boolean;
}

/** Runs a statement of the transaction that counts. */
export type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<Row[]>;

interface When {
  readonly now: string;
  readonly source: string;
}

/** Some first: what is common is found at once. */
const namesOfSome = (source: string) => `select k.key as name, bool_or(jsonb_typeof(k.value) = 'number') as "hasNumber"
  from (select f.properties from ${source} f where f.name = $1 and f.occurred_at > $2::timestamptz and jsonb_typeof(f.properties) = 'object' limit ${SOME}) e
  cross join lateral jsonb_each(e.properties) k group by 1`;
const namesOfAll = (source: string) => `select p.name, bool_or(jsonb_typeof(f.properties -> p.name) = 'number') as "hasNumber"
  from ${source} f join unnest($3::text[]) as p(name) on f.properties ? p.name where f.name = $1 and f.occurred_at > $2::timestamptz group by 1`;
const NAMED = `select s.id, s.name, s.kind = 'LEARNED' as "isLearned", s.is_live and (s.kind <> 'LEARNED' or exists (
    select from serving.segment_versions v join serving.active_model using (workspace_id, model_id) where v.segment_id = s.id and v.level = 'MAIN')) as "isThere"
  from serving.segments s where s.id = any($1::uuid[])`;
const ATTRIBUTES = `select name, bool_or(jsonb_typeof(value) = 'number') as "hasNumber" from ingestion.customer_attributes_v1
  where ($1::text[] is null or name = any($1)) group by 1 order by count(*) desc limit ${MOST_NAMES}`;

/**
 * What makes a rule count otherwise than it reads, in the order of the rule: conditions that everybody or nobody meets, segments that were retired, events that are gone, and what it names and nobody has, be it properties of the
 * events in its windows, read from `source`, or attributes. Nothing is said of an event that did not happen in its window, for nobody knows what it carries.
 * A statement for each event and window, and another where a name is rare or unknown. Where they take too long that alone is said, for whoever is
 * counted is counted; the transaction is over then.
 */
export async function noticesOf(ask: Ask, condition: Condition, when: When): Promise<definition.RuleNotice[]> {
  try {
    return await lookedFor(ask, condition, when);
  } catch (error) {
    if (!isTooSlow(error)) throw error;
    return [NOT_READ];
  }
}

/** What is told where looking takes too long. */
export const NOT_READ: definition.RuleNotice = {
  code: 'NAMES_NOT_READ', path: 'condition', message: 'Nobody looked whether anything has the names that the rule asks for: it would have taken too long.', name: '', nearest: '',
};

async function lookedFor(ask: Ask, condition: Condition, { now, source }: When): Promise<definition.RuleNotice[]> {
  const places = [...placesIn(condition)];
  const named = await segmentsNamed(ask, condition);
  const notices = [...senseless(places, named), ...retiredOf(places, named), ...(await goneOf(ask, places, now))];
  const ofEvents = places.flatMap(([path, { performed }]) => (performed ? askedOf(performed, `${path}.performed`) : []));
  for (const asked of Map.groupBy(ofEvents, ({ performed }) => JSON.stringify([performed.event, performed.withinDays, performed.ever])).values()) {
    const [{ performed }] = asked as [AskedOfEvent];
    const where = [performed.event, sinceOf(performed, now) ?? '-infinity'];
    const some = await ask<Seen>(namesOfSome(source), where);
    if (some.length === 0) continue;
    const open = lackingIn(asked, some);
    const all = open.length === 0 ? [] : await ask<Seen>(namesOfAll(source), [...where, namesOf(open)]);
    const what = { kind: 'PROPERTY', holder: `"${performed.event}"${performed.ever ? '' : ` within ${performed.withinDays} days`}` } as const;
    notices.push(...told(open, all, some, what));
  }
  const ofCustomers = places.flatMap(([path, { attribute }]) => (attribute ? [askedBy(attribute, `${path}.attribute`)] : []));
  if (ofCustomers.length > 0) {
    const known = await ask<Seen>(ATTRIBUTES, [namesOf(ofCustomers)]);
    const open = lackingIn(ofCustomers, known);
    const all = open.length === 0 ? [] : await ask<Seen>(ATTRIBUTES, [null]);
    notices.push(...told(open, known, all, { kind: 'ATTRIBUTE', holder: 'customer' }));
  }
  const order = places.map(([path]) => path);
  const placeOf = ({ path }: definition.RuleNotice) => order.findLastIndex((one) => path === one || path.startsWith(`${one}.`));
  return notices.sort((one, other) => placeOf(one) - placeOf(other));
}

async function segmentsNamed(ask: Ask, condition: Condition): Promise<NamedSegment[]> {
  const ids = segmentsIn(condition);
  return ids.length === 0 ? [] : ask<NamedSegment>(NAMED, [ids]);
}

/** What everybody or nobody meets, whoever there is. */
function senseless(places: readonly (readonly [path: string, part: Condition])[], named: readonly NamedSegment[]): definition.RuleNotice[] {
  const parts = new Map(places);
  const [[, condition]] = places as [(typeof places)[number]];
  const learned = new Set(named.flatMap(({ id, isLearned }) => (isLearned ? [id] : [])));
  return senselessIn(condition, learned).map(({ path, verdict }) => {
    const { performed } = parts.get(path) ?? {};
    const what = path === 'condition' ? 'the rule' : performed ? `what is asked of "${performed.event}"` : path;
    const message = verdict === 'always' ? `Everybody meets ${what}, whatever they do.` : `Nobody can meet ${what}, whatever they do: it rules itself out.`;
    return { code: verdict === 'always' ? 'ALWAYS_MET' : 'NEVER_MET', path, message, name: '', nearest: '' };
  });
}

/** Segments that a rule names and that were retired since. */
function retiredOf(places: readonly (readonly [path: string, part: Condition])[], named: readonly NamedSegment[]): definition.RuleNotice[] {
  const retired = new Map(named.flatMap(({ id, name, isThere }) => (isThere ? [] : [[id, name] as const])));
  return places.flatMap(([path, { memberOf }]) => {
    const name = retired.get(memberOf.toLowerCase());
    if (name === undefined) return [];
    const message = `The present model draws no segment "${name}" on the main level: nobody is in it. Name another segment, or leave the condition out.`;
    return [{ code: 'SEGMENT_RETIRED', path: `${path}.memberOf`, message, name, nearest: '' }];
  });
}

/** Conditions that reach into what was dropped. */
async function goneOf(ask: Ask, places: readonly (readonly [path: string, part: Condition])[], now: string): Promise<definition.RuleNotice[]> {
  const [dropped] = await ask<{ until: Date }>(`select dropped_until as until from ingestion.dropped_history_v1`, []);
  if (!dropped) return [];
  const until = dropped.until.toISOString().slice(0, 10);
  return places.flatMap(([path, part]) => {
    const { performed } = part;
    if (!performed || !reachesBeyond(part, dropped.until, now)) return [];
    const message = `Events from before ${until} were dropped by the retention policy: what is left of "${performed.event}" counts, not ${performed.ever ? 'all there ever was' : `all of ${performed.withinDays} days`}.`;
    return { code: 'HISTORY_DROPPED', path: `${path}.performed`, message, name: performed.event, nearest: '' };
  });
}

function askedOf(performed: definition.PerformedEvent, path: string): AskedOfEvent[] {
  const filtered = performed.filters.map((filter, index) => askedBy(filter, `${path}.filters[${index}]`));
  const added = performed.sum ? [{ path: `${path}.sum.property`, name: performed.sum.property, isOfNumbers: true }] : [];
  return [...filtered, ...added].map((asked) => ({ ...asked, performed }));
}

function askedBy({ property, operator }: definition.PropertyFilter, path: string): Asked {
  const { AT_LEAST, AT_MOST } = definition.PropertyOperator;
  return { path: `${path}.property`, name: property, isOfNumbers: operator === AT_LEAST || operator === AT_MOST };
}

const namesOf = (asked: readonly Asked[]): string[] => [...new Set(asked.map(({ name }) => name))];

function lackingIn<One extends Asked>(asked: readonly One[], seen: readonly Seen[]): One[] {
  const known = new Map(seen.map((one) => [one.name, one.hasNumber]));
  return asked.filter(({ name, isOfNumbers }) => (isOfNumbers ? known.get(name) !== true : !known.has(name)));
}

/** Of what is asked, what `seen` lacks; `others`: names that may have been meant. */
function told(
  asked: readonly Asked[], seen: readonly Seen[], others: readonly Seen[], { kind, holder }: { readonly kind: 'PROPERTY' | 'ATTRIBUTE'; readonly holder: string },
): definition.RuleNotice[] {
  const lacking = lackingIn(asked, seen);
  const known = new Set(seen.map(({ name }) => name));
  const nearest = nearestNames(namesOf(lacking.filter(({ name }) => !known.has(name))), others.map(({ name }) => name));
  return lacking.map(({ path, name }): definition.RuleNotice => {
    const what = kind.toLowerCase();
    if (known.has(name)) {
      const message = `No ${holder} has a number in the ${what} "${name}", and only numbers count here. A number that is sent as text is a text.`;
      return { code: `${kind}_NOT_NUMBER`, path, message, name, nearest: '' };
    }
    const near = nearest.get(name) ?? '';
    const remedy = near === '' ? 'If it is still to come, the rule will count it then.' : `Did you mean "${near}"?`;
    return { code: `${kind}_UNKNOWN`, path, message: `No ${holder} has the ${what} "${name}". ${remedy}`, name, nearest: near };
  });
}
