import { LocalArtifactStore } from './local.js';
import type { ArtifactStore } from './store.js';

export { ArtifactError, type ArtifactArea, type ArtifactStore, type StoredArtifact } from './store.js';

/** Opens the store that ARTIFACT_URL names: `file:///var/lib/kindred`. */
export function openArtifactStore(url: string): ArtifactStore {
  const { protocol } = new URL(url);
  if (protocol === 'file:') return new LocalArtifactStore(url);
  throw new Error(`ARTIFACT_URL begins with ${protocol}//; file:// is known.`);
}
