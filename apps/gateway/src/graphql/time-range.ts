import { defaultFieldResolver, getNamedType, GraphQLError, type GraphQLField, type GraphQLSchema, isObjectType } from 'graphql';

/** The arguments that any field's range of time is given by: events at or after `from` and before `to`. */
interface Range {
  readonly from?: string | null;
  readonly to?: string | null;
}

/**
 * The schema, every field of which refuses a range of time that nothing can lie in: `from` that is not before `to`, or that is
 * still to come. Answered, it would look as if nothing had happened.
 */
export function ranged(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields()).filter(hasRange)) {
      const resolve = field.resolve ?? defaultFieldResolver;
      field.resolve = (root: unknown, range: Range, context: unknown, info) => {
        checkRange(range, new Date());
        return resolve(root, range, context, info) as unknown;
      };
    }
  }
  return schema;
}

const hasRange = ({ args }: GraphQLField<unknown, unknown>): boolean => args.some(({ name, type }) => name === 'from' && getNamedType(type).name === 'DateTime');

export function checkRange({ from, to }: Range, now: Date): void {
  if (from === undefined || from === null) return;
  if (typeof to === 'string' && Date.parse(from) >= Date.parse(to)) {
    throw invalid(`"from" (${from}) is not before "to" (${to}), so that nothing lies between them. Give an earlier "from" or a later "to", or leave one out.`);
  }
  if (Date.parse(from) > now.getTime()) {
    throw invalid(`"from" (${from}) is still to come: it is ${now.toISOString()} now. Give an earlier one, or leave it out.`);
  }
}

const invalid = (message: string) => new GraphQLError(message, { extensions: { code: 'TIME_RANGE_INVALID' } });
