import { readFile } from 'node:fs/promises';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import type { ArtifactStore } from '#libs/artifacts';
import { z } from '#libs/config';

import type { Said } from '../prediction/said.js';
import type { Micros } from '../time/micros.js';
import { graph, stateForm } from './live.manifest.js';
import { SESSION } from './live.model.opener.js';
import { StateRecord, StateTable } from './state.table.js';

/** head.live.json: what goes in and out of head.onnx, and how a packed state of its model is laid out. */
const manifest = z.object({ format: z.literal('kindred.live-head/1'), state: stateForm, graph: graph.extend({ sha256: z.string() }) });

/** Where a head's live form lies, and what it must be. */
export interface LiveHeadPlace {
  /** Of head.live.json; head.onnx lies beside it. */
  readonly uri: string;
  readonly sha256: string;
}

/** Somebody to be read. */
export interface Asked {
  readonly state: Buffer;
  /** Never before the last event in the state. */
  readonly at: Micros;
}

/** A head that says what it foresees of a customer at any time, in this process, from the state that scoring keeps. */
export class LiveHead {
  private readonly record: StateRecord;

  constructor(
    private readonly told: z.infer<typeof manifest>,
    private readonly session: InferenceSession,
  ) {
    this.record = new StateRecord(told.state.record);
  }

  /** Whether a state is of the model that the head was learned on. */
  knows(state: Uint8Array): boolean {
    return this.record.isOwn(state);
  }

  /** Of each: 0..1, calibrated, or a number with its interval; every state is one that it knows. */
  async said(asked: readonly Asked[]): Promise<Said[]> {
    if (asked.length === 0) return [];
    const states = new StateTable(this.record, asked.map(({ state }) => state));
    const time = new Tensor('int64', BigInt64Array.from(asked, (one) => BigInt(one.at)), [asked.length]);
    const feeds = Object.fromEntries(this.told.graph.inputs.map(({ name, type, shape }) => [
      name, name === 'at' ? time : new Tensor(type, states.first(asked.length, name), [asked.length, ...shape.slice(1).map(Number)]),
    ]));
    const { probability, number, low, high } = await this.session.run(feeds);
    const value = probability ?? number;
    if (!value) throw new Error('head.onnx answers neither a probability nor a number.');
    const at = (tensor: Tensor | undefined, row: number): number | null => (tensor?.data as Float32Array | undefined)?.[row] ?? null;
    return Array.from(value.data as Float32Array, (one, row) => ({ value: one, low: at(low, row), high: at(high, row) }));
  }
}

/** Both files are held to their hashes before anything in them is used. Throws ArtifactError where one is missing or another than it was. */
export async function openLiveHead(artifacts: ArtifactStore, { uri, sha256 }: LiveHeadPlace): Promise<LiveHead> {
  const load = async (file: string, hash: string): Promise<Buffer> => {
    await artifacts.verify(file, hash);
    return readFile(await artifacts.localFileOf(file));
  };
  const told = manifest.parse(JSON.parse((await load(uri, sha256)).toString()));
  return new LiveHead(told, await InferenceSession.create(await load(new URL('head.onnx', uri).href, told.graph.sha256), SESSION));
}
