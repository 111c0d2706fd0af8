import type { ErrorObject } from 'ajv';

import type { PlanViolations } from '../event/event.js';

const MAX_PROPERTY = 200;
/** Of one event; what goes beyond says nothing new. */
const MOST_WAYS = 32;
const SHOWN = 3;
/** Below these, alternatives fail that need not hold; the keyword's own error says what does. */
const WITHIN_ALTERNATIVE = /\/(anyOf|oneOf|not|contains|propertyNames)\//;
/** Where the property that is meant is none that the event has at that path. */
const NAMED_BY: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty',
  propertyNames: 'propertyName',
};

/** A validator's errors as ways in which an event is otherwise than declared. `errors` is not empty. */
export function violationsOf(eventName: string, errors: readonly ErrorObject[], isEnforced: boolean): PlanViolations {
  const ways = new Map<string, { property: string; rule: string; said: string }>();
  for (const error of tellingOf(errors)) {
    const property = propertyOf(error);
    const key = `${error.keyword} ${property}`;
    if (!ways.has(key)) ways.set(key, { property, rule: error.keyword, said: saidBy(error, property) });
    if (ways.size === MOST_WAYS) break;
  }
  const found = [...ways.values()];
  const more = found.length > SHOWN ? `; and ${found.length - SHOWN} more` : '';
  const detail = `"${eventName}" is not as the tracking plan declares it: ${found.slice(0, SHOWN).map(({ said }) => said).join('; ')}${more}.`;
  return { eventName, ways: found.map(({ property, rule }) => ({ property, rule })), detail, isEnforced };
}

function tellingOf(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const telling = errors.filter(({ schemaPath, keyword }) => keyword !== 'if' && !WITHIN_ALTERNATIVE.test(schemaPath));
  return telling.length > 0 ? telling : errors;
}

/** `/products/0/price` as `products[].price`: which of the items it was says nothing of the plan. */
function propertyOf({ instancePath, keyword, params }: ErrorObject): string {
  const named: unknown = NAMED_BY[keyword] === undefined ? undefined : (params as Record<string, unknown>)[NAMED_BY[keyword]];
  const steps = instancePath.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (typeof named === 'string') steps.push(named);
  const path = steps.reduce((before, step) => (/^\d+$/.test(step) ? `${before}[]` : before === '' ? step : `${before}.${step}`), '');
  return path.length > MAX_PROPERTY ? `${path.slice(0, MAX_PROPERTY).toWellFormed()}…` : path;
}

function saidBy({ keyword, message, params }: ErrorObject, property: string): string {
  const where = property === '' ? 'the properties' : `"${property}"`;
  if (keyword === 'required') return `${where} is missing (required)`;
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') return `${where} is not declared (${keyword})`;
  const allowed: unknown = (params as Record<string, unknown>)['allowedValues'];
  const values = Array.isArray(allowed) ? `: ${JSON.stringify(allowed).slice(0, 100).toWellFormed()}` : '';
  return `${where} ${message ?? 'is otherwise'}${values} (${keyword})`;
}
