import { LocalArtifactStore } from './local.js';
import { S3ArtifactStore } from './s3.js';
import type { ArtifactStore } from './store.js';

export { ArtifactError, type ArtifactArea, type ArtifactStore, type StoredArtifact, type StoredFolder } from './store.js';

/** Opens the store that ARTIFACT_URL names: `file:///var/lib/kindred`, `s3://bucket/prefix`. */
export function openArtifactStore(url: string): ArtifactStore {
  const { protocol } = new URL(url);
  if (protocol === 'file:') return new LocalArtifactStore(url);
  if (protocol === 's3:') return new S3ArtifactStore(url);
  throw new Error(`ARTIFACT_URL begins with ${protocol}//; file:// and s3:// are known.`);
}
