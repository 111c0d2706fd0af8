import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { deliver, type Destination } from './deliver.js';
import { trickle } from './live.js';
import type { ShopOptions } from './options.js';
import { progressOf, type ProgressForm } from './progress.js';
import type { SegmentCall } from './segment-call.js';
import { generate, Shop } from './shop.js';
import { truthOf } from './truth.js';

/** Customers by whom the length of a history is judged. */
const SAMPLE = 300;

export interface Simulation extends Partial<ShopOptions> {
  /** The intake that the history goes to. */
  destination?: Destination;
  /** A file that takes the calls instead, one JSON object a line. */
  out?: string;
  truth?: string;
  /** Events a second to go on with after the history. */
  live?: number;
  /** Leaves the history out: it was sent before. */
  skipHistory?: boolean;
  progress?: ProgressForm;
  signal?: AbortSignal;
}

export interface Simulated {
  history: number;
  live: number;
}

/** Plants a shop's history in a workspace (or a file), tells the truth about it, and keeps it alive if asked. */
export async function simulate(simulation: Simulation): Promise<Simulated> {
  const { destination, out, signal } = simulation;
  const options = Object.fromEntries(Object.entries(simulation).filter(([, value]) => value !== undefined));
  const shop = new Shop(options);
  if (simulation.truth !== undefined) await writeFile(simulation.truth, `${JSON.stringify(truthOf(shop.options))}\n`);
  const done: Simulated = { history: 0, live: 0 };
  if (out !== undefined) await pipeline(Readable.from(linesOf(counted(shop.history(), done))), createWriteStream(out));
  if (!destination) return done;

  if (simulation.skipHistory) for (const _ of shop.history());
  else done.history = await sendHistory(shop, destination, simulation.progress ?? 'none', signal);
  if (simulation.live) done.live = await trickle(shop, simulation.live, destination, signal ?? new AbortController().signal);
  return done;
}

async function sendHistory(shop: Shop, destination: Destination, form: ProgressForm, signal?: AbortSignal): Promise<number> {
  const progress = progressOf(form, form === 'none' ? 0 : expectedCalls(shop.options));
  try {
    return await deliver(shop.history(), destination, (total) => progress.update(total), signal);
  } finally {
    progress.end();
  }
}

/** How many calls the history will have, judged by its first customers: living through it twice would take too long. */
function expectedCalls(options: ShopOptions): number {
  const customers = Math.min(options.customers, SAMPLE);
  let total = 0;
  for (const _ of generate({ ...options, customers })) total += 1;
  return Math.round((total * options.customers) / customers);
}

function* counted(calls: Iterable<SegmentCall>, done: Simulated): Generator<SegmentCall, void> {
  for (const call of calls) {
    done.history += 1;
    yield call;
  }
}

function* linesOf(calls: Iterable<SegmentCall>): Generator<string, void> {
  for (const call of calls) yield `${JSON.stringify(call)}\n`;
}
