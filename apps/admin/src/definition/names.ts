import type { DefinitionNamesQuery } from '../gen/graphql';

/** Names that a rule may well ask for, to be chosen from while one is typed. Others are as good: these are what is at hand. */
export interface Names {
  events: string[];
  /** Of events. */
  properties: string[];
  /** Of customers. */
  attributes: string[];
}

export function namesOf({ model, trackingPlan, customers }: DefinitionNamesQuery): Names {
  const events = customers.nodes.flatMap((customer) => customer.events.nodes);
  return {
    events: sorted([...(model?.profile?.mainEvents ?? []), ...trackingPlan.events.map(({ event }) => event), ...events.map(({ name }) => name)]),
    // What lies in a list of items cannot be asked for.
    properties: sorted([...(model?.profile?.properties.map(({ name }) => name).filter((name) => !name.includes('.')) ?? []), ...events.flatMap(({ properties }) => plainIn(properties))]),
    attributes: sorted(customers.nodes.flatMap(({ attributes }) => plainIn(attributes))),
  };
}

/** Names of an object's texts, numbers, trues and falses: a rule compares no others. */
function plainIn(object: unknown): string[] {
  if (typeof object !== 'object' || object === null) return [];
  return Object.entries(object).flatMap(([name, value]) => (['string', 'number', 'boolean'].includes(typeof value) ? [name] : []));
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
