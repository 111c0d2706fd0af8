import { definition } from '#libs/contracts';
import { jsonOf, RpcError } from '#libs/grpc';

import type { CustomerConditionInput, PropertyFilterInput } from '../gen/resolvers.js';
import { invalidArgument } from '../graphql/error.js';
import { globalId, localId } from '../graphql/global-id.js';
import type { Json } from '../graphql/scalar.js';

/** A rule as serving takes it. */
export function conditionOf({ all, any, not, performed, memberOf, attribute }: CustomerConditionInput): definition.CustomerCondition {
  return {
    all: (all ?? []).map(conditionOf),
    any: (any ?? []).map(conditionOf),
    not: not ? conditionOf(not) : undefined,
    performed: performed
      ? {
          event: performed.event,
          atLeast: countOf('atLeast', performed.atLeast),
          atMost: countOf('atMost', performed.atMost),
          withinDays: countOf('withinDays', performed.withinDays) ?? 0,
          ever: performed.withinDays === undefined || performed.withinDays === null,
          filters: (performed.filters ?? []).map(filterOf),
          sum: performed.sum ? { property: performed.sum.property, atLeast: performed.sum.atLeast ?? undefined, atMost: performed.sum.atMost ?? undefined } : undefined,
        }
      : undefined,
    memberOf: memberOf ? segmentIdOf(memberOf) : '',
    attribute: attribute ? filterOf(attribute) : undefined,
  };
}

/** The same as it was given. */
export function conditionJson({ all, any, not, performed, memberOf, attribute }: definition.CustomerCondition): { readonly [name: string]: Json | string } {
  if (all.length > 0) return { all: all.map(conditionJson) };
  if (any.length > 0) return { any: any.map(conditionJson) };
  if (not) return { not: conditionJson(not) };
  if (attribute) return { attribute: filterJson(attribute) };
  if (!performed) return { memberOf: String(globalId('Segment', memberOf)) };
  const { event, withinDays, ever, filters, sum } = performed;
  return {
    performed: {
      event,
      ...limitsJson(performed),
      ...(ever ? {} : { withinDays }),
      filters: filters.map(filterJson),
      ...(sum ? { sum: { property: sum.property, ...limitsJson(sum) } } : {}),
    },
  };
}

const limitsJson = ({ atLeast, atMost }: { readonly atLeast?: number | undefined; readonly atMost?: number | undefined }) => ({
  ...(atLeast === undefined ? {} : { atLeast }),
  ...(atMost === undefined ? {} : { atMost }),
});

const filterOf = ({ property, operator, value }: PropertyFilterInput): definition.PropertyFilter => ({ property, operator, value: value === undefined || value === null ? '' : jsonOf(value) });

const filterJson = ({ property, operator, value }: definition.PropertyFilter) => ({
  property,
  operator: nameOf(operator),
  ...(value === '' ? {} : { value: JSON.parse(value) as Json }),
});

/** Serving's operators carry the name of their enum. */
const nameOf = (operator: definition.PropertyOperator): string =>
  Object.entries(definition.PropertyOperator).find(([, value]) => value === operator)?.[0] ?? '';

function countOf(name: string, given: number | null | undefined): number | undefined {
  if (given !== null && given !== undefined && given < 0) throw invalidArgument(`${name} is a count and cannot be ${given}.`);
  return given ?? undefined;
}

function segmentIdOf(given: string): string {
  const id = localId('Segment', given as never);
  if (id === undefined) throw RpcError.invalid(`memberOf: ${given} is the id of no segment.`, { reason: 'SEGMENT_UNKNOWN' });
  return id;
}
