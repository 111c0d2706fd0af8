import type { worker } from '#libs/contracts';

import type { Micros } from '../time/micros.js';
import { Calendar } from './calendar.js';
import type { CategoryFeature, FeatureSpec, ListFeature, NumberFeature } from './feature.declaration.js';
import { amount, type Json, type JsonObject, moment, own, parseProperties, truth, wellFormed, word } from './property.js';
import { Vocabulary } from './vocabulary.js';

/** One event as the graph takes it. Numbers are NaN where they are missing. */
export interface EncodedEvent {
  readonly time: Micros;
  readonly name: number;
  readonly categories: readonly number[];
  readonly numbers: readonly number[];
  readonly hour: number;
  readonly weekday: number;
  /** One of each list that the features have. */
  readonly lists: readonly EncodedList[];
}

export interface EncodedList {
  /** (items)(fields) */
  readonly categories: readonly (readonly number[])[];
  /** Of each number, the mean over the items that have it; NaN where none has. */
  readonly means: readonly number[];
}

type Category = (of: JsonObject) => number;
type Amount = (of: JsonObject, time: Micros) => number;

const MICROS_PER_DAY = 86_400_000_000;
const YEAR_9999: Micros = 253_402_300_800_000_000;

/**
 * The featuriser of the worker (data/features.py, data/live.py) in TypeScript. Both are held to the same worked cases
 * (libs/contracts/golden/features.json).
 */
export class FeatureEncoder {
  private readonly names: Vocabulary;
  private readonly calendar: Calendar;
  private readonly categories: readonly Category[];
  private readonly numbers: readonly Amount[];
  private readonly lists: readonly ((of: JsonObject, time: Micros) => EncodedList)[];

  constructor(private readonly spec: FeatureSpec) {
    this.names = new Vocabulary(spec.names);
    this.calendar = new Calendar(spec.timezone);
    this.categories = spec.categories.map(categoryOf);
    this.numbers = spec.numbers.map((feature) => this.amountOf(feature));
    this.lists = spec.items.map((feature) => this.listOf(feature));
  }

  /** Throws SyntaxError or RangeError where an event cannot be read. */
  encode({ name, occurredAt, properties }: worker.ScoreEvent): EncodedEvent {
    if (Math.abs(occurredAt) > YEAR_9999) throw new RangeError(`occurred_at ${occurredAt} lies outside the years that have dates`);
    const given = parseProperties(properties);
    return {
      time: occurredAt,
      name: this.names.index(wellFormed(name)),
      categories: this.categories.map((read) => read(given)),
      numbers: this.numbers.map((read) => read(given, occurredAt)),
      ...this.calendar.at(occurredAt),
      lists: this.lists.map((read) => read(given, occurredAt)),
    };
  }

  private amountOf({ name, kind, mean, deviation }: NumberFeature): Amount {
    const { clip } = this.spec;
    return (of, time) => {
      const value = own(of, name);
      const raw = kind === 'time' ? (moment(value) - time) / MICROS_PER_DAY : amount(value);
      const scaled = (Math.sign(raw) * Math.log1p(Math.abs(raw)) - mean) / deviation;
      return Math.fround(Math.min(Math.max(scaled, -clip), clip));
    };
  }

  private listOf(feature: ListFeature) {
    const categories = feature.categories.map(categoryOf);
    const numbers = feature.numbers.map((number) => this.amountOf(number));
    return (of: JsonObject, time: Micros): EncodedList => {
      const items = itemsOf(own(of, feature.name)).slice(0, this.spec.itemLimit);
      return {
        categories: items.map((item) => categories.map((read) => read(item))),
        means: numbers.map((read) => mean(items.map((item) => read(item, time)))),
      };
    };
  }
}

function categoryOf({ name, kind, vocabulary }: CategoryFeature): Category {
  const words = new Vocabulary(vocabulary);
  const read = kind === 'boolean' ? truth : word;
  return (of) => words.index(read(own(of, name)));
}

function itemsOf(value: Json | undefined): JsonObject[] {
  const isItem = (item: Json): item is { readonly [key: string]: Json } => item !== null && typeof item === 'object' && !Array.isArray(item);
  return Array.isArray(value) ? value.filter(isItem) : [];
}

function mean(values: readonly number[]): number {
  const present = values.filter((value) => !Number.isNaN(value));
  return present.reduce((sum, value) => sum + value, 0) / present.length;
}
