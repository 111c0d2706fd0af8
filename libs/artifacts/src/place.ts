import { ArtifactError } from './store.js';

const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

/** Checks the parts of an artefact's path: nothing of it leads elsewhere. */
export function safe(parts: readonly string[]): readonly string[] {
  for (const part of parts) if (!SAFE_NAME.test(part)) throw new ArtifactError('MISSING', `"${part}" is no part of an artefact's path.`);
  return parts;
}
