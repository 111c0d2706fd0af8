import { Kind, type OperationDefinitionNode } from 'graphql';

/** Mutations that are traffic, not deeds: the event ledger accounts for each event, by whichever door it came. */
export const TRAFFIC: ReadonlySet<string> = new Set(['trackEvents']);

/** Whether a mutation is traffic and nothing else. */
export function isTraffic({ selectionSet }: OperationDefinitionNode): boolean {
  return selectionSet.selections.every((one) => one.kind === Kind.FIELD && TRAFFIC.has(one.name.value));
}
