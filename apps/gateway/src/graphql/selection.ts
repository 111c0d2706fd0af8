import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** Whether one of these fields of what is being resolved may be answered: also where it is skipped by a directive. */
export function isAsked({ fieldNodes, fragments }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>, ...fields: string[]): boolean {
  const asks = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.some((one) => {
      if (one.kind === Kind.FIELD) return fields.includes(one.name.value);
      return asks(one.kind === Kind.FRAGMENT_SPREAD ? fragments[one.name.value]?.selectionSet : one.selectionSet);
    }) ?? false;
  return fieldNodes.some(({ selectionSet }) => asks(selectionSet));
}
