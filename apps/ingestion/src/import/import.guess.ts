import { type ColumnMapping, type Mapping, MappingError, mappingSchema, type MappingInput, type PropertyKind } from './import.mapping.js';
import type { Source, SourceColumn } from './import.source.js';

export interface Guess {
  readonly mapping: Mapping;
  /** Why each part of it was guessed so. */
  readonly guesses: readonly string[];
}

const CUSTOMER = [/^(customer|user|client|account|member|visitor|shopper|subscriber)[ _-]?(id|no|number|key|code)?$/, /^(device|unit|machine|engine)[ _-]?(id|no|number)?$/];
const ANONYMOUS = [/^(anonymous|anon|cookie)[ _-]?(id|no|number)?$/];
/** Where nothing is named better. */
const ABOUT_CUSTOMER = [/(customer|user|client)/];
const TIME = [/^(timestamp|occurred[ _-]?at|event[ _-]?time|time)$/, /(invoice|order|purchase|event|transaction)[ _-]?(date|time|timestamp)/, /(^|[ _-])(date|datetime|time|timestamp|created|at)$/, /(date|time)/];
const EVENT = [/^(event|event[ _-]?name|event[ _-]?type|action|activity|type)$/];
const ORDER = [/^(invoice|order|transaction|receipt|basket)[ _-]?(id|no|number|key)?$/];
const MESSAGE = [/^(message|event)[ _-]?id$/, /^(uuid|guid)$/];
const PRODUCT = [/^(product|item|stock|sku|article)[ _-]?(id|code|no|number)?$/];
const PRODUCT_NAME = [/^(description|product[ _-]?name|item[ _-]?name|title)$/];
const QUANTITY = [/^(quantity|qty|units|count)$/];
const PRICE = [/^(price|unit[ _-]?price|amount|unit[ _-]?cost)$/];
const VALUE = /^(revenue|total|value|amount|price|sales|dollar[ _-]?value|spend)$/;
/** The one whose name says a purchase; else the one there is most of. */
const PURCHASE = /(order|purchase|checkout|payment|sale).*(completed|made|placed|succeeded)?|bought|purchased/i;

/** A mapping for a file that came without one, from the names and kinds of its columns. Throws MappingError where there is no telling. */
export function guessMapping(source: Source, isSegmentForm: boolean): Guess {
  if (isSegmentForm) {
    return { mapping: mappingSchema.parse({ form: 'segment' }), guesses: ['Every line has "type" and an id: these are calls in Segment’s form.'] };
  }
  const guesses: string[] = [];
  const left = new Map(source.columns.map((column) => [column.name, column]));
  const take = (what: string, patterns: readonly RegExp[], isFit: (column: SourceColumn) => boolean = () => true): string | undefined => {
    const found = patterns.flatMap((pattern) => [...left.values()].filter((column) => pattern.test(column.name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()) && isFit(column)))[0];
    if (!found) return undefined;
    left.delete(found.name);
    guesses.push(`${found.name} is ${what}, by its name.`);
    return found.name;
  };
  const named = take('the customer', CUSTOMER);
  const anonymous = take('the anonymous id of a customer', ANONYMOUS);
  const customer = named ?? (anonymous === undefined ? take('the customer', ABOUT_CUSTOMER) : undefined);
  const whose = customer ?? anonymous;
  const time = take('the time', TIME, ({ kind }) => kind === 'time') ?? take('the time', TIME) ?? anyTime(left, guesses);
  if (whose === undefined || time === undefined) {
    const missing = whose === undefined ? 'the customer' : 'the time';
    throw new MappingError(`No column could be guessed to be ${missing}. Say it in a mapping (docs/api/mapping.md).`, undefined, source.columns.map(({ name }) => name));
  }
  const message = take('the message id', MESSAGE);
  const event = take('the name of the event', EVENT, ({ kind }) => kind === 'categorical');
  const order = take('the order that lines belong to', ORDER);
  const isNumeric = ({ kind }: SourceColumn) => kind === 'numeric';
  const product = order === undefined ? undefined : take('the product of a line', PRODUCT);
  const base = {
    ...(customer === undefined ? {} : { customer: idIn(customer, source) }),
    ...(anonymous === undefined ? {} : { anonymous: idIn(anonymous, source) }),
    time: { column: time },
    skip: [{ when: [customer, anonymous].flatMap((column) => (column === undefined ? [] : { column, empty: true })), reason: 'no customer' }],
    event: event === undefined ? { name: order === undefined ? 'Event Recorded' : 'Order Completed' } : { column: event },
  };
  if (order !== undefined && product !== undefined) {
    const lines = { product_id: product, name: take('the name of a product', PRODUCT_NAME), quantity: take('the quantity of a line', QUANTITY, isNumeric), price: take('the price of a line', PRICE, isNumeric) };
    guesses.push(`Lines of one ${order} are folded into one event with a list of products.`);
    return { mapping: folded(base, whose, order, lines, [...left.values()]), guesses };
  }
  const properties = Object.fromEntries([...left.values(), ...source.columns.filter(({ name }) => name === order)].map(({ name, kind }) => [name, { column: name, kind }]));
  const mapping: MappingInput = { ...base, ...(message === undefined ? {} : { messageId: { column: message } }), properties };
  return { mapping: valued(mapping), guesses };
}

const idIn = (column: string, { columns }: Source) => ({ column, integer: columns.some(({ name, kind }) => name === column && kind === 'numeric') });

function anyTime(left: Map<string, SourceColumn>, guesses: string[]): string | undefined {
  const found = [...left.values()].find(({ kind }) => kind === 'time');
  if (!found) return undefined;
  left.delete(found.name);
  guesses.push(`${found.name} is the time: it is the first column of times.`);
  return found.name;
}

type LineColumns = Readonly<Record<'product_id' | 'name' | 'quantity' | 'price', string | undefined>>;

function folded(base: Pick<MappingInput, 'customer' | 'anonymous' | 'time' | 'event' | 'skip'>, customer: string, order: string, lines: LineColumns, rest: readonly SourceColumn[]): Mapping {
  const kinds: Record<keyof LineColumns, PropertyKind> = { product_id: 'categorical', name: 'categorical', quantity: 'numeric', price: 'numeric' };
  const fields = Object.entries(lines).flatMap(([field, column]) => (column === undefined ? [] : [[field, { column, kind: kinds[field as keyof LineColumns] }]]));
  const { quantity, price } = lines;
  const revenue = quantity !== undefined && price !== undefined ? { multiply: [quantity, price], aggregate: 'sum' as const } : price === undefined ? undefined : { column: price, kind: 'numeric' as const, aggregate: 'sum' as const };
  return mappingSchema.parse({
    ...base,
    messageId: { column: [order, customer], prefix: 'order-' },
    properties: {
      ...(revenue ? { revenue } : {}),
      ...Object.fromEntries(rest.map(({ name, kind }) => [name, { column: name, kind }])),
    },
    fold: { by: [order], list: { property: 'products', fields: Object.fromEntries(fields) } },
    workspace: revenue ? { valueProperty: 'revenue' } : {},
  });
}

function valued(mapping: MappingInput): Mapping {
  const value = Object.keys(mapping.properties ?? {}).find((name) => VALUE.test(name.toLowerCase()));
  return mappingSchema.parse({ ...mapping, workspace: value === undefined ? {} : { valueProperty: value } });
}

/** Which events matter most, for a workspace that nobody has told yet. */
export function guessMainEvents(names: readonly { name: string; events: number }[]): string[] {
  const bySize = [...names].sort((a, b) => b.events - a.events);
  const main = bySize.find(({ name }) => PURCHASE.test(name) && !/cancel|refund|return|fail/i.test(name)) ?? bySize[0];
  return main ? [main.name] : [];
}

export function guessValueProperty(mapping: Mapping): string | undefined {
  if (mapping.form === 'segment') return undefined;
  return mapping.workspace.valueProperty ?? Object.keys((mapping satisfies ColumnMapping).properties).find((name) => VALUE.test(name.toLowerCase()));
}
