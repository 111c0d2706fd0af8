import type { DefinitionNamesQuery, EventType } from '../gen/graphql';

/** Names that a rule may well ask for, to be chosen from while one is typed. Others are as good: these are what is at hand. */
export interface Names {
  events: readonly string[];
  /** What an event of this name carries; of one that nothing is known of, what any does. */
  propertiesOf: (event: string) => readonly string[];
  /** Of customers. */
  attributes: readonly string[];
}

/** What a rule counts; all else tells who somebody is. */
const BEHAVIOUR: readonly EventType[] = ['TRACK', 'PAGE', 'SCREEN'];

export const NO_NAMES: Names = { events: [], propertiesOf: () => [], attributes: [] };

export function namesOf({ model, trackingPlan, customers }: DefinitionNamesQuery): Names {
  const seen = customers.nodes.flatMap(({ events }) => events.nodes).filter(({ type }) => BEHAVIOUR.includes(type));
  const carried = [...trackingPlan.events.map(({ event, schema }) => ({ name: event, properties: declaredIn(schema) })), ...seen.map(({ name, properties }) => ({ name, properties: plainIn(properties) }))];
  const byEvent = Map.groupBy(carried, ({ name }) => name);
  // What lies in a list of items cannot be asked for.
  const learned = model?.profile?.properties.map(({ name }) => name).filter((name) => !name.includes('.')) ?? [];
  const any = sorted([...learned, ...carried.flatMap(({ properties }) => properties)]);
  return {
    events: sorted([...(model?.profile?.mainEvents ?? []), ...byEvent.keys()]),
    propertiesOf: (event) => {
      const own = sorted(byEvent.get(event)?.flatMap(({ properties }) => properties) ?? []);
      return own.length > 0 ? own : any;
    },
    attributes: sorted(customers.nodes.flatMap(({ attributes }) => plainIn(attributes))),
  };
}

/** Names of an object's texts, numbers, trues and falses: a rule compares no others. */
function plainIn(object: unknown): string[] {
  return membersOf(object).flatMap(([name, value]) => (['string', 'number', 'boolean'].includes(typeof value) ? [name] : []));
}

/** Of a JSON Schema, the same; a property that is declared without a type may be one of them. */
function declaredIn(schema: unknown): string[] {
  const { properties } = Object.fromEntries(membersOf(schema));
  return membersOf(properties).flatMap(([name, declared]) => {
    const { type } = Object.fromEntries(membersOf(declared));
    return [type].flat().every((one) => one === 'object' || one === 'array') ? [] : [name];
  });
}

function membersOf(object: unknown): [string, unknown][] {
  return typeof object === 'object' && object !== null ? Object.entries(object) : [];
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}
