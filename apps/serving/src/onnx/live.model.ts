import { type InferenceSession, Tensor } from 'onnxruntime-node';

import type { worker } from '#libs/contracts';

import type { EncodedEvent, FeatureEncoder } from './feature.encoder.js';
import type { LiveManifest, Port } from './live.manifest.js';
import type { Scored } from '../scoring/scorer.js';
import { StateRecord, StateTable } from './state.table.js';

export interface LiveParts {
  readonly manifest: LiveManifest;
  readonly features: FeatureEncoder;
  readonly step: InferenceSession;
  readonly read: InferenceSession;
}

type Feeds = Record<string, Tensor>;

/** A customer who can be scored, and their events as the graph takes them. */
interface Entry {
  readonly asked: worker.CustomerScoreRequest;
  readonly events: readonly EncodedEvent[];
}

const NOTHING = { state: Buffer.alloc(0), embedding: Buffer.alloc(0), segmentIndex: -1, strength: 0, novelty: 0, mapX: 0, mapY: 0, forecast: [], packedForecast: Buffer.alloc(0) };

/**
 * A model in its live form, scored in this process. Answers what the worker answers (to rounding), except that a late event is never
 * added to a state: the customer is asked for again with all events.
 */
export class LiveModel {
  private readonly record: StateRecord;

  private readonly foreseen: worker.ForecastTarget[];

  constructor(private readonly parts: LiveParts) {
    this.record = new StateRecord(parts.manifest.state.record);
    this.foreseen = parts.manifest.mainEvents.map(([event, horizonDays]) => ({ event, horizonDays }));
  }

  /** Results in the order of the customers. */
  async score(customers: readonly worker.CustomerScoreRequest[]): Promise<Scored> {
    const results = new Map<worker.CustomerScoreRequest, worker.CustomerScoreResult>();
    const entries: Entry[] = [];
    for (const asked of customers) {
      const answer = this.entryOf(asked);
      if ('events' in answer) entries.push(answer);
      else results.set(asked, answer);
    }
    if (entries.length > 0) for (const [asked, result] of await this.scoreAll(entries)) results.set(asked, result);
    return { customers: customers.flatMap((asked) => results.get(asked) ?? []), foreseen: this.foreseen };
  }

  private entryOf(asked: worker.CustomerScoreRequest): Entry | worker.CustomerScoreResult {
    const { customerId, state } = asked;
    if (state.length > 0 && (!this.record.isOwn(state) || this.isLate(asked))) return { ...NOTHING, customerId, rebuild: true, error: '' };
    try {
      return { asked, events: asked.events.map((event) => this.parts.features.encode(event)) };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof RangeError) return { ...NOTHING, customerId, rebuild: false, error: error.message };
      throw error;
    }
  }

  private isLate({ state, events: [first] }: worker.CustomerScoreRequest): boolean {
    const last = new StateTable(this.record, [state]).first(1, 'last')[0] ?? 0;
    return first !== undefined && BigInt(Math.trunc(first.occurredAt)) < BigInt(last);
  }

  private async scoreAll(entries: Entry[]): Promise<[worker.CustomerScoreRequest, worker.CustomerScoreResult][]> {
    // Whoever has most events first: those who have a next one are then always the first rows.
    entries.sort((a, b) => b.events.length - a.events.length);
    const states = new StateTable(this.record, entries.map(({ asked }) => asked.state));
    for (let at = 0; at < (entries[0]?.events.length ?? 0); at += 1) await this.step(states, entries, at);
    const read = await this.parts.read.run(this.feeds('read.onnx', states, entries.length, {
      at: longs(entries.map(({ asked }) => asked.readAt), [entries.length]),
    }));
    return entries.map(({ asked }, row) => [asked, this.resultOf(asked, states.packed(row), read, row)]);
  }

  /** Takes in event number `at` of everyone who has so many. */
  private async step(states: StateTable, entries: readonly Entry[], at: number): Promise<void> {
    const events = entries.flatMap((entry) => entry.events[at] ?? []);
    const after = await this.parts.step.run(this.feeds('step.onnx', states, events.length, eventTensors(events, this.parts.manifest)));
    for (const { name } of this.record.columns) states.replace(name, cellsOf(after, `next_${name}`) as Float32Array | BigInt64Array);
  }

  /** All that a graph takes: its own inputs, and what is left from the states. */
  private feeds(graph: keyof LiveManifest['graphs'], states: StateTable, rows: number, given: Feeds): Feeds {
    const feeds: Feeds = { ...given };
    for (const { name, type, shape } of this.parts.manifest.graphs[graph].inputs) {
      feeds[name] ??= new Tensor(type, states.first(rows, name), [rows, ...shape.slice(1).map(Number)]);
    }
    return feeds;
  }

  private resultOf(asked: worker.CustomerScoreRequest, state: Buffer, read: Feeds, row: number): worker.CustomerScoreResult {
    const embedding = rowOf(read, 'embedding', row);
    const [chances, values] = [rowOf(read, 'probability', row), rowOf(read, 'expected_value', row)];
    const [mapX = 0, mapY = 0] = rowOf(read, 'map', row);
    return {
      customerId: asked.customerId,
      state,
      embedding: Buffer.from(Float32Array.from(embedding).buffer),
      segmentIndex: Number(rowOf(read, 'segment', row)[0]),
      ...finerOf(read, row),
      strength: Number(rowOf(read, 'strength', row)[0]),
      novelty: Number(rowOf(read, 'novelty', row)[0]),
      mapX: Number(mapX),
      mapY: Number(mapY),
      rebuild: false,
      error: '',
      forecast: [],
      packedForecast: Buffer.from(Float32Array.from(this.foreseen.flatMap((_, index) => [Number(chances[index]), Number(values[index])])).buffer),
    };
  }
}

/** As a step graph names and shapes them: items padded to the most there are, at least one. */
function eventTensors(events: readonly EncodedEvent[], { graphs }: LiveManifest): Feeds {
  const rows = events.length;
  const feeds: Feeds = {
    time: longs(events.map(({ time }) => time), [rows]),
    name: longs(events.map(({ name }) => name), [rows]),
    categories: longs(events.flatMap(({ categories }) => categories), [rows, widthOf(graphs['step.onnx'].inputs, 'categories')]),
    numbers: floats(events.flatMap(({ numbers }) => numbers), [rows, widthOf(graphs['step.onnx'].inputs, 'numbers')]),
    hour: longs(events.map(({ hour }) => hour), [rows]),
    weekday: longs(events.map(({ weekday }) => weekday), [rows]),
  };
  for (const list of events[0]?.lists.keys() ?? []) {
    const lists = events.flatMap(({ lists: all }) => all[list] ?? []);
    const fields = widthOf(graphs['step.onnx'].inputs, `items${list}_categories`);
    const most = Math.max(1, ...lists.map(({ categories }) => categories.length));
    const padding = Array.from({ length: most * fields }, () => 0);
    feeds[`items${list}_categories`] = longs(lists.flatMap(({ categories }) => [...categories.flat(), ...padding].slice(0, padding.length)), [rows, most, fields]);
    feeds[`items${list}_lengths`] = longs(lists.map(({ categories }) => categories.length), [rows]);
    feeds[`items${list}_means`] = floats(lists.flatMap(({ means }) => means), [rows, widthOf(graphs['step.onnx'].inputs, `items${list}_means`)]);
  }
  return feeds;
}

function widthOf(ports: readonly Port[], name: string): number {
  return Number(ports.find((port) => port.name === name)?.shape.at(-1) ?? 0);
}

function longs(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, (value) => BigInt(value)), shape);
}

function floats(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor('float32', Float32Array.from(values), shape);
}

function cellsOf(tensors: Feeds, name: string): Tensor['data'] {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`The graph answers no ${name}.`);
  return tensor.data;
}

/** A live form from before there were levels answers none. */
function finerOf(read: Feeds, row: number): { finerIndex?: number } {
  const finerIndex = read['finer'] === undefined ? -1 : Number(rowOf(read, 'finer', row)[0]);
  return finerIndex < 0 ? {} : { finerIndex };
}

/** One customer's part of an output. */
function rowOf(tensors: Feeds, name: string, row: number): readonly (number | bigint)[] {
  const cells = cellsOf(tensors, name) as Float32Array | BigInt64Array;
  const width = cells.length / (tensors[name]?.dims[0] ?? 1);
  return Array.from<number | bigint>(cells.subarray(row * width, (row + 1) * width));
}
