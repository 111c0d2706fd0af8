import { Inject, Injectable } from '@nestjs/common';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';
import type { worker } from '#libs/contracts';

import { ARTIFACTS } from '../store.js';

/** The directory that a run's model is made in. */
@Injectable()
export class ModelFiles {
  constructor(@Inject(ARTIFACTS) private readonly artifacts: ArtifactStore) {}

  /** URI of the directory, made if absent. */
  directory(workspaceId: string, runId: string): Promise<string> {
    return this.artifacts.directory(workspaceId, 'models', runId);
  }

  async remove(workspaceId: string, runId: string): Promise<void> {
    await this.artifacts.remove(this.artifacts.uri(`${workspaceId}/models/${runId}`));
  }

  /** Rejects unless every file is there and is the one that the worker wrote. */
  async verify(directory: string, files: readonly worker.ArtifactFile[]): Promise<void> {
    for (const { path, sha256 } of files) await this.artifacts.verify(fileUri(directory, path), sha256);
  }
}

/** URI of a file below a directory; a path that leads out of it is refused. */
export function fileUri(directory: string, path: string): string {
  const uri = new URL(path, `${directory}/`).href;
  if (!uri.startsWith(`${directory}/`)) throw new ArtifactError('MISSING', `"${path}" lies outside ${directory}.`);
  return uri;
}

/** The newest of a model's files with this name; rejects when no step wrote it. */
export function fileNamed(files: readonly worker.ArtifactFile[], path: string): worker.ArtifactFile {
  const file = files.findLast((candidate) => candidate.path === path);
  if (!file) throw new ArtifactError('MISSING', `The worker did not write ${path}.`);
  return file;
}
