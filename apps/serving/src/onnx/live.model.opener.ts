import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { InferenceSession } from 'onnxruntime-node';

import type { ArtifactStore } from '#libs/artifacts';
import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { featureSpec } from './feature.declaration.js';
import { FeatureEncoder } from './feature.encoder.js';
import { liveManifest } from './live.manifest.js';
import { LiveModel } from './live.model.js';

const bundle = z.object({ format: z.literal('kindred.bundle/1'), files: z.array(z.object({ path: z.string(), sha256: z.string() })) });
const MANIFEST = 'live.json';
/** One thread: as many are scored at once as there are requests. */
export const SESSION: InferenceSession.SessionOptions = { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 };

/**
 * Opens the live form of the bundle at `uri`, undefined where it has none. Every file is held to the hash that bundle.json gives it, and
 * that file to `hash`, before anything in it is parsed. Throws RpcError (FAILED_PRECONDITION, MODEL_UNAVAILABLE) where one is another than
 * the one that was sealed, ArtifactError where one is missing.
 */
export async function openLiveModel(artifacts: ArtifactStore, uri: string, hash: string): Promise<LiveModel | undefined> {
  const load = async (path: string, sha256: string | undefined) => {
    const content = await readFile(await artifacts.localFileOf(`${uri}/${path}`));
    const found = createHash('sha256').update(content).digest('hex');
    if (found !== sha256) {
      throw RpcError.precondition(`${uri}/${path} is not the file that was sealed: its hash is ${found}. It is not used.`, { reason: 'MODEL_UNAVAILABLE' });
    }
    return content;
  };
  const sealed = bundle.parse(JSON.parse((await load('bundle.json', hash)).toString()));
  const hashes = new Map(sealed.files.map(({ path, sha256 }) => [path, sha256]));
  if (!hashes.has(MANIFEST)) return undefined;
  const json = async (path: string): Promise<unknown> => JSON.parse((await load(path, hashes.get(path))).toString());
  const session = async (path: string) => InferenceSession.create(await load(path, hashes.get(path)), SESSION);
  return new LiveModel({
    manifest: liveManifest.parse(await json(MANIFEST)),
    features: new FeatureEncoder(featureSpec.parse(await json('features.json'))),
    step: await session('step.onnx'),
    read: await session('read.onnx'),
  });
}
