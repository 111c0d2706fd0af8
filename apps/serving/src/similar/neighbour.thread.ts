/*
 * The thread in which spaces of neighbours live: comparing many customers and building an index take the processor for longer than
 * live work can wait. It begins one question after the other; long searches go in pieces and an index is built in them, between which others are answered.
 */
import { extname } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';

import type * as spaces from './neighbour.space.js';
import type { Answer, Question } from './neighbours.js';

// From source this file is TypeScript, and its neighbour too.
const { Space } = (await import(`./neighbour.space${extname(import.meta.url)}`)) as typeof spaces;

const held = new Map<string, spaces.Space>();

function answer({ kind, space: name, ...asked }: Question): Answer['result'] | Promise<Answer['result']> {
  if (kind === 'open') {
    held.set(name, new Space(asked.width ?? 0, asked.exactUpTo ?? 0));
    return undefined;
  }
  const space = held.get(name);
  if (!space) throw new Error(`there is no space ${name}`);
  if (kind === 'put') space.put(asked.ids ?? [], asked.vectors ?? new Float32Array());
  else if (kind === 'drop') space.drop(asked.ids ?? []);
  else if (kind === 'nearest') return space.nearest(asked.vectors ?? new Float32Array(), asked.sizes ?? [], asked.count ?? 0, () => pause());
  else if (kind === 'ids') return space.customerIds;
  else if (kind === 'settle') void space.settle(() => pause()).catch((error: unknown) => queueMicrotask(() => { throw error; }));
  else if (kind === 'close') held.delete(name);
  return { ...space.told, bytes: space.bytes };
}

async function reply(question: Question): Promise<Answer> {
  try {
    return { number: question.number, result: await answer(question) };
  } catch (error) {
    return { number: question.number, error: String(error) };
  }
}

parentPort?.on('message', (question: Question) => void reply(question).then((answered) => parentPort?.postMessage(answered, [])));
