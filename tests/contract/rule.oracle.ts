import type { Pool } from 'pg';

import { definition } from '#libs/contracts';

import { type Condition, DAY } from './defining.js';

const { PropertyOperator: Operator } = definition;

/** The slow way: for each customer and each condition a count of its own over ingestion's table. */
export async function fits(owner: Pool, workspaceId: string, customerId: string, part: Condition, at: number): Promise<boolean> {
  const each = (parts: readonly Condition[]) => Promise.all(parts.map((one) => fits(owner, workspaceId, customerId, one, at)));
  if (part.not) return !(await fits(owner, workspaceId, customerId, part.not, at));
  if (part.all.length > 0) return (await each(part.all)).every(Boolean);
  if (part.any.length > 0) return (await each(part.any)).some(Boolean);
  if (part.memberOf !== '') {
    const { rowCount } = await owner.query('select from serving.memberships where workspace_id = $1 and customer_id = $2 and segment_id = $3 and until is null', [
      workspaceId, customerId, part.memberOf,
    ]);
    return rowCount === 1;
  }
  if (part.attribute) {
    const { rows } = await owner.query<{ value: unknown }>('select value from ingestion.subject_attributes where workspace_id = $1 and subject_id = $2 and name = $3', [workspaceId, customerId, part.attribute.property]);
    return passes(rows[0]?.value, part.attribute);
  }
  const { event = '', withinDays = 0, ever = false, atLeast = 0, atMost = Infinity, filters = [], sum } = part.performed ?? {};
  const { rows } = await owner.query<{ properties: Record<string, unknown> }>(
    'select properties from ingestion.events where workspace_id = $1 and subject_id = $2 and name = $3 and ($4::timestamptz is null or occurred_at > $4)',
    [workspaceId, customerId, event, ever ? null : new Date(at - withinDays * DAY).toISOString()],
  );
  const counted = rows.filter(({ properties }) => filters.every((filter) => passes(properties[filter.property], filter)));
  const isOften = counted.length >= atLeast && counted.length <= atMost;
  if (!sum) return isOften;
  // In cents, whole numbers, so that nothing is lost: generated numbers have no more than two decimals.
  const cents = counted.reduce((total, { properties: { [sum.property]: held } }) => total + (typeof held === 'number' ? Math.round(held * 100) : 0), 0);
  return isOften && cents >= Math.round((sum.atLeast ?? -1e9) * 100) && cents <= Math.round((sum.atMost ?? 1e9) * 100);
}

function passes(held: unknown, { operator, value }: definition.PropertyFilter): boolean {
  if (operator === Operator.IS_SET) return held !== undefined && held !== null;
  const wanted = JSON.parse(value) as unknown;
  if (operator === Operator.IS_ONE_OF) return (wanted as unknown[]).includes(held);
  if (operator === Operator.CONTAINS || operator === Operator.STARTS_WITH) {
    if (typeof held !== 'string' || typeof wanted !== 'string') return false;
    return operator === Operator.CONTAINS ? held.includes(wanted) : held.startsWith(wanted);
  }
  if (operator === Operator.EQUALS) return held === wanted;
  if (operator === Operator.DIFFERS) return held !== wanted;
  if (typeof held !== 'number' || typeof wanted !== 'number') return false;
  return operator === Operator.AT_LEAST ? held >= wanted : held <= wanted;
}
