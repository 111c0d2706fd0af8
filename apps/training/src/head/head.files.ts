import { Inject, Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';

import type { ArtifactStore } from '#libs/artifacts';
import type { worker } from '#libs/contracts';

import { fileUri } from '../step/files.js';
import { ARTIFACTS } from '../store.js';

/** The directory that a head is made in. */
@Injectable()
export class HeadFiles {
  constructor(@Inject(ARTIFACTS) private readonly artifacts: ArtifactStore) {}

  /** URI of the directory, made if absent. */
  directory(workspaceId: string, headId: string): Promise<string> {
    return this.artifacts.directory(workspaceId, 'heads', headId);
  }

  /** URI of a file with these lines. A file is written once: each attempt has its own name for it. */
  async write(workspaceId: string, headId: string, name: string, lines: AsyncIterable<string>): Promise<string> {
    const { path } = await this.artifacts.write({ workspaceId, area: 'heads', id: headId, name }, Readable.from(lines));
    return this.artifacts.uri(path);
  }

  /** Rejects unless every file is there and is the one that the worker wrote. */
  async verify(directory: string, files: readonly worker.ArtifactFile[]): Promise<void> {
    for (const { path, sha256 } of files) await this.artifacts.verify(fileUri(directory, path), sha256);
  }

  /** Removes single files. */
  async removeFiles(uris: readonly string[]): Promise<void> {
    for (const uri of uris) await this.artifacts.remove(uri);
  }

  async remove(workspaceId: string, headId: string): Promise<void> {
    await this.artifacts.remove(this.artifacts.uri([workspaceId, 'heads', headId].join('/')));
  }
}
