// A rule as a form holds it, what is asked of the server, and the same in words.
import type { CustomerConditionInput, PropertyFilterInput, PropertyOperator, PropertySumInput } from '../gen/graphql';

/** A value has a type: the text 100 is not the number 100. */
export type ValueKind = 'text' | 'number' | 'truth';

export interface FilterDraft {
  property: string;
  operator: PropertyOperator;
  kind: ValueKind;
  value: string;
  /** Of IS_ONE_OF, in place of `value`; an empty text comes first, for empty ones at the end are lines that nobody has typed yet. */
  values: string[];
}

export interface SumDraft {
  property: string;
  atLeast: string;
  atMost: string;
}

export interface PerformedDraft {
  is: 'performed';
  isNot: boolean;
  event: string;
  atLeast: string;
  atMost: string;
  /** Empty: ever. */
  withinDays: string;
  filters: FilterDraft[];
  /** Null: only how often is asked. */
  sum: SumDraft | null;
}

export interface MemberDraft {
  is: 'member';
  isNot: boolean;
  segmentId: string;
}

export interface AttributeDraft {
  is: 'attribute';
  isNot: boolean;
  filter: FilterDraft;
}

export interface GroupDraft {
  is: 'group';
  isNot: boolean;
  join: 'all' | 'any';
  parts: ConditionDraft[];
}

export type ConditionDraft = PerformedDraft | MemberDraft | AttributeDraft | GroupDraft;

export const NEW_SUM: SumDraft = { property: '', atLeast: '', atMost: '' };
export const NEW_FILTER: FilterDraft = { property: '', operator: 'EQUALS', kind: 'text', value: '', values: [] };

/** A condition as it is added to a rule. */
export const NEW: { [Kind in ConditionDraft['is']]: Extract<ConditionDraft, { is: Kind }> } = {
  performed: { is: 'performed', isNot: false, event: '', atLeast: '1', atMost: '', withinDays: '30', filters: [], sum: null },
  member: { is: 'member', isNot: false, segmentId: '' },
  attribute: { is: 'attribute', isNot: false, filter: NEW_FILTER },
  group: { is: 'group', isNot: false, join: 'any', parts: [] },
};

/** The rule of a segment, to be changed: a group always, so that a condition can be added. */
export function draftOf(condition: CustomerConditionInput): GroupDraft {
  const draft = partOf(condition);
  return draft.is === 'group' && !draft.isNot ? draft : { ...NEW.group, join: 'all', parts: [draft] };
}

function partOf({ all, any, not, performed, memberOf, attribute }: CustomerConditionInput): ConditionDraft {
  if (not) {
    const draft = partOf(not);
    return { ...draft, isNot: !draft.isNot };
  }
  if (performed) {
    const said = (count: number | null | undefined): string => (count === null || count === undefined ? '' : String(count));
    const { sum } = performed;
    return {
      ...NEW.performed,
      event: performed.event,
      atLeast: said(performed.atLeast),
      atMost: said(performed.atMost),
      withinDays: said(performed.withinDays),
      filters: (performed.filters ?? []).map(filterDraftOf),
      sum: sum ? { property: sum.property, atLeast: said(sum.atLeast), atMost: said(sum.atMost) } : null,
    };
  }
  if (attribute) return { ...NEW.attribute, filter: filterDraftOf(attribute) };
  if (memberOf) return { ...NEW.member, segmentId: String(memberOf) };
  return { ...NEW.group, join: any ? 'any' : 'all', parts: (any ?? all ?? []).map(partOf) };
}

function filterDraftOf({ property, operator, value }: PropertyFilterInput): FilterDraft {
  const values: unknown[] = Array.isArray(value) ? value : [value ?? ''];
  const [first] = values;
  const kind = typeof first === 'number' ? 'number' : typeof first === 'boolean' ? 'truth' : 'text';
  return { property, operator, kind, value: String(first ?? ''), values: values.map(String).sort((one, other) => Number(one !== '') - Number(other !== '')) };
}

/** The same filter, compared otherwise: what was given for it goes along where it can. */
export function comparedBy(draft: FilterDraft, operator: PropertyOperator): FilterDraft {
  const { kind, value, values } = draft;
  const [isOfMany, wasOfMany] = [operator === 'IS_ONE_OF', draft.operator === 'IS_ONE_OF'];
  return {
    ...draft,
    operator,
    kind: NUMBERS_ONLY.includes(operator) ? 'number' : TEXTS_ONLY.includes(operator) ? 'text' : kind,
    value: wasOfMany && !isOfMany ? (values[0] ?? '') : value,
    values: isOfMany && !wasOfMany ? [value] : values,
  };
}

/** What cannot be read of a form, in words. */
export class Unreadable extends Error {}

/** What is asked of the server; throws `Unreadable`. */
export function conditionOf(draft: ConditionDraft): CustomerConditionInput {
  const condition = meaningOf(draft);
  return draft.isNot ? { not: condition } : condition;
}

function meaningOf(draft: ConditionDraft): CustomerConditionInput {
  if (draft.is === 'group') {
    const parts = draft.parts.map(conditionOf);
    const [only] = parts;
    if (!only) throw new Unreadable('Add a condition, in each group that is empty too, or remove the group.');
    if (parts.length === 1) return only;
    return draft.join === 'all' ? { all: parts } : { any: parts };
  }
  if (draft.is === 'member') {
    if (draft.segmentId === '') throw new Unreadable('Choose the segment that they are in.');
    return { memberOf: draft.segmentId };
  }
  if (draft.is === 'attribute') return { attribute: filterOf(draft.filter, 'attribute') };
  const event = draft.event.trim();
  if (event === '') throw new Unreadable('Name the event, as it is sent.');
  const atLeast = countOf(draft.atLeast);
  const atMost = countOf(draft.atMost);
  if (atLeast === undefined && atMost === undefined && !draft.sum) throw new Unreadable(`Say how often “${event}” happens: at least, at most or both.`);
  const withinDays = countOf(draft.withinDays);
  return {
    performed: {
      event,
      ...(atLeast === undefined ? {} : { atLeast }),
      ...(atMost === undefined ? {} : { atMost }),
      ...(withinDays === undefined ? {} : { withinDays }),
      filters: draft.filters.map((filter) => filterOf(filter, 'property')),
      ...(draft.sum ? { sum: sumOf(draft.sum) } : {}),
    },
  };
}

function sumOf({ property, atLeast, atMost }: SumDraft): PropertySumInput {
  if (property.trim() === '') throw new Unreadable('Name the property that is added up.');
  if (atLeast.trim() === '' && atMost.trim() === '') throw new Unreadable(`Say how much “${property.trim()}” adds up to: at least, at most or both.`);
  return {
    property: property.trim(),
    ...(atLeast.trim() === '' ? {} : { atLeast: numberOf(atLeast) }),
    ...(atMost.trim() === '' ? {} : { atMost: numberOf(atMost) }),
  };
}

function countOf(typed: string): number | undefined {
  if (typed.trim() === '') return undefined;
  if (!/^\d{1,9}$/.test(typed.trim())) throw new Unreadable(`“${typed}” is not a whole number.`);
  return Number(typed);
}

function filterOf(draft: FilterDraft, what: string): PropertyFilterInput {
  const { operator, kind } = draft;
  const property = draft.property.trim();
  if (property === '') throw new Unreadable(`Name the ${what}.`);
  if (operator === 'IS_SET') return { property, operator };
  if (operator !== 'IS_ONE_OF') {
    if (TEXTS_ONLY.includes(operator) && draft.value === '') throw new Unreadable(`Say what “${property}” ${OPERATORS[operator]}.`);
    return { property, operator, value: valueOf(kind, draft.value) };
  }
  const values = draft.values.slice(0, draft.values.findLastIndex((value) => value !== '') + 1);
  if (values.length === 0) throw new Unreadable(`List what “${property}” may be, one value a line.`);
  return { property, operator, value: values.map((value) => valueOf(kind, value)) };
}

function valueOf(kind: ValueKind, typed: string): string | number | boolean {
  if (kind === 'text') return typed;
  if (kind === 'truth') return typed.trim() === 'true';
  return numberOf(typed);
}

function numberOf(typed: string): number {
  const number = typed.trim() === '' ? NaN : Number(typed);
  if (!Number.isFinite(number)) throw new Unreadable(`“${typed}” is not a number.`);
  return number;
}

/** A rule in words: one condition, or several that are joined. */
export type Words = string | { join: string; parts: Words[] };

/** `nameOf`: of a segment by its id, where it is known. */
export function inWords(condition: CustomerConditionInput, nameOf: (segmentId: string) => string | undefined): Words {
  const { all, any, not, performed, memberOf, attribute } = condition;
  if (not) return negated(inWords(not, nameOf));
  if (performed) return performedInWords(performed);
  if (attribute) return filterInWords(attribute);
  if (memberOf) return inSegment(nameOf(String(memberOf)));
  return { join: any ? 'any of' : 'all of', parts: (any ?? all ?? []).map((part) => inWords(part, nameOf)) };
}

const inSegment = (name: string | undefined): string => (name === undefined ? 'is in a segment that is not listed' : `is in “${name}”`);

const NEGATED: Readonly<Record<string, string>> = { 'all of': 'not all of', 'any of': 'none of', 'not all of': 'all of', 'none of': 'any of' };

function negated(words: Words): Words {
  if (typeof words === 'string') return `not: ${words}`;
  return { ...words, join: NEGATED[words.join] ?? `not ${words.join}` };
}

function performedInWords({ event, atLeast, atMost, withinDays, filters, sum }: NonNullable<CustomerConditionInput['performed']>): string {
  const isCounted = typeof atLeast === 'number' || typeof atMost === 'number';
  const times = timesInWords(`“${event}”`, atLeast ?? undefined, atMost ?? undefined);
  const did = !sum ? times : isCounted ? `${times} with ${sum.property} adding up to ${amountInWords(sum)}` : `had ${sum.property} of “${event}” add up to ${amountInWords(sum)}`;
  const where = (filters ?? []).map(filterInWords).join(' and ');
  // Who never did it has not done it ever.
  const ever = atMost === 0 && !sum ? '' : ', ever';
  const window = typeof withinDays !== 'number' ? ever : withinDays === 1 ? ' in the last day' : ` in the last ${withinDays} days`;
  return `${did}${window}${where && `, where ${where}`}`;
}

function amountInWords({ atLeast, atMost }: PropertySumInput): string {
  if (typeof atMost !== 'number') return `at least ${atLeast}`;
  if (typeof atLeast !== 'number') return `at most ${atMost}`;
  return atLeast === atMost ? `exactly ${atLeast}` : `${atLeast} to ${atMost}`;
}

function timesInWords(event: string, atLeast: number | undefined, atMost: number | undefined): string {
  const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
  if (atMost === 0) return `never did ${event}`;
  if (atLeast === atMost && atLeast !== undefined) return `did ${event} exactly ${times(atLeast)}`;
  if (atMost === undefined) return atLeast === 1 ? `did ${event}` : `did ${event} at least ${times(atLeast ?? 0)}`;
  return atLeast === undefined ? `did ${event} at most ${times(atMost)}` : `did ${event} ${atLeast} to ${atMost} times`;
}

export const OPERATORS: Readonly<Record<PropertyOperator, string>> = {
  EQUALS: 'is',
  DIFFERS: 'is not',
  IS_ONE_OF: 'is one of',
  CONTAINS: 'contains',
  STARTS_WITH: 'starts with',
  IS_SET: 'is set',
  AT_LEAST: 'is at least',
  AT_MOST: 'is at most',
};
export const NUMBERS_ONLY: readonly PropertyOperator[] = ['AT_LEAST', 'AT_MOST'];
export const TEXTS_ONLY: readonly PropertyOperator[] = ['CONTAINS', 'STARTS_WITH'];

function filterInWords({ property, operator, value }: PropertyFilterInput): string {
  const said = (one: unknown): string => (typeof one === 'string' ? `“${one}”` : String(one));
  const given = operator === 'IS_SET' ? '' : Array.isArray(value) ? value.map(said).join(', ') : said(value);
  return `${property} ${OPERATORS[operator]}${given && ` ${given}`}`;
}
