import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { ArtifactStore } from '#libs/artifacts';
import { z } from '#libs/config';
import { RpcError, status } from '#libs/grpc';

/** What a bundle says of items (the worker's items/recommender.py writes it). W items, C companions, D numbers in an embedding, E of taste. */
export interface ItemTable {
  readonly property: string;
  readonly field: string;
  /** Whose items count. */
  readonly events: readonly string[];
  readonly words: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  readonly halfLifeDays: readonly [number, number];
  readonly weights: Readonly<Record<Evidence, number>>;
  /** (2 W) log share of all that is taken: lately, over all. */
  readonly popular: Float32Array;
  readonly repeat: Float32Array;
  /** (W C) companions, -1 for none, and how strong they are. */
  readonly neighbour: Int32Array;
  readonly cosine: Float32Array;
  readonly taste: { readonly mean: Float32Array; readonly projection: Float32Array; readonly vectors: Float32Array };
}

export const EVIDENCE = [
  'own', 'own_count', 'own_long', 'own_short', 'own_share', 'own_last', 'own_popular', 'own_repeat', 'goes', 'popular_short', 'popular_ever', 'taste',
] as const;
export type Evidence = (typeof EVIDENCE)[number];

const FORMAT = 'kindred.items/1';
const [SIDECAR, TENSORS] = ['items.json', 'items.safetensors'];

const bundleForm = z.object({ files: z.array(z.object({ path: z.string(), sha256: z.string() })) });
const sidecarForm = z.object({
  format: z.literal(FORMAT),
  property: z.string(),
  field: z.string(),
  events: z.array(z.string()),
  words: z.array(z.string()),
  halfLifeDays: z.tuple([z.number().positive(), z.number().positive()]),
  weights: z.record(z.enum(EVIDENCE), z.number()),
});
const headerForm = z.record(
  z.string(),
  z.object({ dtype: z.enum(['F32', 'I32']), shape: z.array(z.number()), data_offsets: z.tuple([z.number(), z.number()]) }),
);

/** The table of a bundle whose hash is known; undefined where the model has none. Refuses files that are not the bundle's. */
export async function readItemTable(store: ArtifactStore, uri: string, hash: string): Promise<ItemTable | undefined> {
  const { files } = bundleForm.parse(JSON.parse((await readSealed(store, `${uri}/bundle.json`, hash)).toString()));
  const sealed = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const [told, held] = [sealed.get(SIDECAR), sealed.get(TENSORS)];
  if (told === undefined || held === undefined) return undefined;
  const sidecar = sidecarForm.parse(JSON.parse((await readSealed(store, `${uri}/${SIDECAR}`, told)).toString()));
  return toTable(sidecar, tensorsOf(await readSealed(store, `${uri}/${TENSORS}`, held)));
}

async function readSealed(store: ArtifactStore, uri: string, sha256: string): Promise<Buffer> {
  const content = await readFile(await store.localFileOf(uri));
  if (createHash('sha256').update(content).digest('hex') !== sha256) {
    throw new RpcError(status.DATA_LOSS, `${uri} is not the file that its model was sealed with.`, { reason: 'HASH_MISMATCH' });
  }
  return content;
}

function toTable({ format: _format, ...sidecar }: z.infer<typeof sidecarForm>, tensors: ReadonlyMap<string, Float32Array | Int32Array>): ItemTable {
  const floats = (name: string) => {
    const found = tensors.get(name);
    if (!(found instanceof Float32Array)) throw new Error(`${TENSORS} has no numbers ${name}.`);
    return found;
  };
  const neighbour = tensors.get('neighbour');
  if (!(neighbour instanceof Int32Array)) throw new Error(`${TENSORS} has no companions.`);
  return {
    ...sidecar,
    places: new Map(sidecar.words.map((word, place) => [word, place])),
    popular: floats('popular'),
    repeat: floats('repeat'),
    neighbour,
    cosine: floats('cosine'),
    taste: { mean: floats('taste.mean'), projection: floats('taste.projection'), vectors: floats('taste.vectors') },
  };
}

/** A safetensors file: bytes of the header, the header as JSON, the numbers, little-endian and row by row. */
function tensorsOf(content: Buffer): Map<string, Float32Array | Int32Array> {
  const begin = 8 + Number(content.readBigUInt64LE(0));
  const header = headerForm.parse(JSON.parse(content.toString('utf8', 8, begin)));
  return new Map(
    Object.entries(header).map(([name, { dtype, data_offsets: [from, to] }]) => {
      const bytes = new Uint8Array(content.subarray(begin + from, begin + to));
      return [name, dtype === 'F32' ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer)];
    }),
  );
}
