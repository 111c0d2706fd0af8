import type { CustomerConditionInput } from '../gen/graphql';
import { count } from '../wording/figure';
import { dateAndTime } from '../wording/time';

/** A limit may lie close by. */
const EXACT = new Intl.NumberFormat('en', { maximumFractionDigits: 9 });

interface Finding {
  times: number | null;
  sum: number | null;
  countsUntil: string | null;
  value: unknown;
}

/** Of one without others in it, but by `not`. */
export function asksAttribute({ not, attribute }: CustomerConditionInput): boolean {
  return not ? asksAttribute(not) : Boolean(attribute);
}

/** What there is of a customer for one condition of a rule. */
export function findingInWords({ times, sum, countsUntil, value }: Finding, isOfAttribute: boolean): string {
  if (times === null && !isOfAttribute) return '';
  if (times === null) return value === null ? 'nothing' : typeof value === 'string' ? `“${value}”` : JSON.stringify(value);
  const often = times === 0 ? 'never' : times === 1 ? 'once' : `${count(times)} times`;
  const much = sum === null ? '' : `, ${EXACT.format(sum)} in all`;
  const until = countsUntil === null ? '' : times === 1 ? `, counts until ${dateAndTime(countsUntil)}` : `, the first counts until ${dateAndTime(countsUntil)}`;
  return `${often}${much}${until}`;
}
