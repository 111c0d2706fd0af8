import { definition } from '#libs/contracts';
import { isStorable } from '#libs/database';
import { RpcError } from '#libs/grpc';
import { validate } from 'uuid';

export type Condition = definition.CustomerCondition;
const { PropertyOperator: Operator } = definition;

const MOST_PARTS = 50;
const DEEPEST = 8;
const MOST_FILTERS = 5;
const MOST_DAYS = 366;
const LONGEST_NAME = 200;
/** Of a value's JSON. */
const LONGEST_VALUE = 2_000;
/** Of IS_ONE_OF. */
const MOST_VALUES = 100;

/** Every condition within one and where it lies, itself first. */
export function* placesIn(condition: Condition, path = 'condition'): Generator<readonly [path: string, part: Condition]> {
  yield [path, condition];
  for (const [index, part] of condition.all.entries()) yield* placesIn(part, `${path}.all[${index}]`);
  for (const [index, part] of condition.any.entries()) yield* placesIn(part, `${path}.any[${index}]`);
  if (condition.not) yield* placesIn(condition.not, `${path}.not`);
}

/** Every condition within one, itself first. */
export function* partsOf(condition: Condition): Generator<Condition> {
  for (const [, part] of placesIn(condition)) yield part;
}

/** A condition that holds no others but by `not`: the leaf within, and what all the `not`s around it make of it. */
export interface Literal {
  readonly path: string;
  readonly condition: Condition;
  readonly leaf: Condition;
}

/** What a condition is put together of, in its order. */
export function* literalsIn(condition: Condition, path = 'condition'): Generator<Literal> {
  const { all, any, not } = condition;
  let leaf = condition;
  while (leaf.not) leaf = leaf.not;
  if (leaf.all.length + leaf.any.length === 0) return yield { path, condition, leaf };
  for (const [index, part] of all.entries()) yield* literalsIn(part, `${path}.all[${index}]`);
  for (const [index, part] of any.entries()) yield* literalsIn(part, `${path}.any[${index}]`);
  if (not) yield* literalsIn(not, `${path}.not`);
}

export function segmentsIn(condition: Condition): string[] {
  return [...new Set([...partsOf(condition)].flatMap(({ memberOf }) => (memberOf === '' ? [] : [memberOf.toLowerCase()])))];
}

export function eventsIn(condition: Condition): string[] {
  return [...new Set([...partsOf(condition)].flatMap(({ performed }) => (performed ? [performed.event] : [])))];
}

/** Throws what is wrong with its form, and where; what it names is looked up elsewhere. */
export function checkForm(condition: Condition): void {
  check(condition, 'condition', 1);
  const parts = [...partsOf(condition)].length;
  if (parts > MOST_PARTS) throw RpcError.invalid(`A rule has at most ${MOST_PARTS} conditions; this one has ${parts}.`, { reason: 'CONDITION_TOO_LARGE' });
}

/**
 * A condition as it is stored, which another version may have written: `malformed` says why it is none that anybody can be judged by, and then
 * there is nothing in it.
 */
export function storedCondition(stored: unknown): { readonly condition: Condition; readonly malformed: string | null } {
  try {
    const condition = definition.CustomerCondition.fromJSON(stored);
    checkForm(condition);
    return { condition, malformed: null };
  } catch (error) {
    return { condition: definition.CustomerCondition.fromPartial({}), malformed: error instanceof Error ? error.message : String(error) };
  }
}

function check({ all, any, not, performed, memberOf, attribute }: Condition, path: string, depth: number): void {
  if (depth > DEEPEST) throw RpcError.invalid(`${path}: conditions lie at most ${DEEPEST} deep in one another.`, { reason: 'CONDITION_TOO_LARGE' });
  const given = [all.length > 0, any.length > 0, not !== undefined, performed !== undefined, memberOf !== '', attribute !== undefined].filter(Boolean).length;
  if (given !== 1) throw invalid(path, `give exactly one of all, any, not, performed, memberOf and attribute, and at least one condition in all or any; ${given} were given`);
  all.forEach((part, index) => check(part, `${path}.all[${index}]`, depth + 1));
  any.forEach((part, index) => check(part, `${path}.any[${index}]`, depth + 1));
  if (not) check(not, `${path}.not`, depth + 1);
  if (performed) checkPerformed(performed, `${path}.performed`);
  if (attribute) checkFilter(attribute, `${path}.attribute`);
  if (memberOf !== '' && !validate(memberOf)) throw unknownSegment(path, memberOf);
}

function checkPerformed({ event, atLeast, atMost, withinDays, ever, filters, sum }: definition.PerformedEvent, path: string): void {
  checkName(event, `${path}.event`);
  if (atLeast === undefined && atMost === undefined && !sum) throw invalid(path, 'say how often by atLeast, atMost or both, or how much by sum');
  if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) throw invalid(path, `atLeast ${atLeast} is more than atMost ${atMost}`);
  if (![atLeast, atMost, withinDays].every(isCount)) throw invalid(path, 'atLeast, atMost and withinDays are whole numbers');
  if (ever && withinDays !== 0) throw invalid(`${path}.withinDays`, 'ever has no window; leave one of the two out');
  if (!ever && (withinDays < 1 || withinDays > MOST_DAYS)) throw invalid(`${path}.withinDays`, `a window has 1 to ${MOST_DAYS} days; leave it out for ever`);
  if (filters.length > MOST_FILTERS) throw invalid(`${path}.filters`, `at most ${MOST_FILTERS} filters`);
  filters.forEach((filter, index) => checkFilter(filter, `${path}.filters[${index}]`));
  if (sum) checkSum(sum, `${path}.sum`);
}

function checkSum({ property, atLeast, atMost }: definition.PropertySum, path: string): void {
  checkName(property, `${path}.property`);
  if (atLeast === undefined && atMost === undefined) throw invalid(path, 'say how much: atLeast, atMost or both');
  if (![atLeast ?? 0, atMost ?? 0].every(Number.isFinite)) throw invalid(path, NOT_DOUBLE);
  if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) throw invalid(path, `atLeast ${atLeast} is more than atMost ${atMost}`);
}

/** As a message holds it. */
function isCount(given = 0): boolean {
  return Number.isInteger(given) && given >= 0 && given < 2 ** 32;
}

function checkFilter({ property, operator, value }: definition.PropertyFilter, path: string): void {
  checkName(property, `${path}.property`);
  const at = `${path}.value`;
  switch (operator) {
    case Operator.UNSPECIFIED:
      throw invalid(`${path}.operator`, 'is missing');
    case Operator.EQUALS:
    case Operator.DIFFERS:
      checkValue(value, at);
      return;
    case Operator.AT_LEAST:
    case Operator.AT_MOST:
      if (checkValue(value, at) !== 'number') throw invalid(at, 'only numbers are more or less');
      return;
    case Operator.CONTAINS:
    case Operator.STARTS_WITH:
      if (checkValue(value, at) !== 'string') throw invalid(at, 'only a text lies in another; give one in quotes');
      if (parsed(value) === '') throw invalid(at, 'every text has an empty one in it; give some letters, or ask whether it IS_SET');
      return;
    case Operator.IS_SET:
      if (value !== '') throw invalid(at, 'what IS_SET asks needs no value; leave it out');
      return;
    case Operator.IS_ONE_OF:
      checkList(value, at);
  }
}

function checkList(json: string, path: string): void {
  const list = parsed(json);
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_VALUES) throw invalid(path, `give a list of 1 to ${MOST_VALUES} values`);
  const kinds = new Set(list.map((value, index) => checkValue(JSON.stringify(value), `${path}[${index}]`)));
  if (kinds.size > 1) throw invalid(path, 'values of a list are of one type; join two conditions by `any`');
}

function checkName(name: string, path: string): void {
  if (name === '' || name.length > LONGEST_NAME) throw invalid(path, `a name has 1 to ${LONGEST_NAME} characters`);
  if (!isStorable(name)) throw invalid(path, NOT_STORABLE);
}

/** `json` is a value's; answers what kind of value it is. */
function checkValue(json: string, path: string): 'string' | 'number' | 'boolean' {
  if (json.length > LONGEST_VALUE) throw invalid(path, `a value has at most ${LONGEST_VALUE} characters`);
  const value = parsed(json);
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') {
    if (!isStorable(value)) throw invalid(path, NOT_STORABLE);
    return 'string';
  }
  if (typeof value !== 'number') throw invalid(path, 'a value is a text, a number, true or false');
  if (!Number.isFinite(value)) throw invalid(path, NOT_DOUBLE);
  return 'number';
}

const NOT_DOUBLE = 'a number lies within what a double holds';
const NOT_STORABLE = 'a text is without NUL characters and halves of surrogate pairs';

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** What is wrong with the condition at a path. */
export function invalid(path: string, message: string): RpcError {
  return RpcError.invalid(`${path}: ${message}.`, { reason: 'CONDITION_INVALID', metadata: { path } });
}

/** `name`: that it had, where it is no more. */
export function unknownSegment(path: string, segmentId: string, name?: string): RpcError {
  const what = name === undefined ? 'there is no such segment' : `"${name}" was retired or deleted, and nobody is in it`;
  return RpcError.invalid(`${path}.memberOf: ${what}.`, { reason: 'SEGMENT_UNKNOWN', metadata: { path, segment_id: segmentId } });
}

export function unknownEvent(path: string, event: string): RpcError {
  const message = `${path}.performed.event: no event is called "${event}". Give the name as it is sent, in the same case; of one that is still to come, send one first.`;
  return RpcError.invalid(message, { reason: 'EVENT_UNKNOWN', metadata: { path, event } });
}

/** Where the first condition lies that is meant. */
export function pathTo(condition: Condition, isMeant: (part: Condition) => boolean): string | undefined {
  for (const [path, part] of placesIn(condition)) if (isMeant(part)) return path;
  return undefined;
}
