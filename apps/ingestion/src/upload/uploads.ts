import { dirname } from 'node:path/posix';

import type { ArtifactStore } from '#libs/artifacts';

import type { UploadRepository } from './upload.repository.js';

/** The end of uploaded files. Every step may be done again, and by several replicas at once. */
export class Uploads {
  constructor(
    private readonly repository: UploadRepository,
    private readonly artifacts: ArtifactStore,
  ) {}

  /** Removes files whose last import ended before, and those that came before and were never imported: files of labels, and what was looked at only. */
  async expire(workspaceId: string, before: Date): Promise<void> {
    await this.repository.endBefore(workspaceId, before);
    await this.removeEnding(workspaceId);
    const old = (await this.artifacts.list(workspaceId, 'uploads')).filter(({ changedAt }) => changedAt < before).map(({ path }) => path);
    if (old.length === 0) return;
    for (const folder of await this.repository.unused(workspaceId, old)) await this.artifacts.remove(this.artifacts.uri(folder));
  }

  /** Drops this machine's copies of files that nobody reads any more; another may have removed them. */
  dropCopies(since: Date): Promise<void> {
    return this.artifacts.dropCopies(since);
  }

  /** Removes the files that are to be, but for those that an import still reads. */
  async removeEnding(workspaceId: string): Promise<void> {
    for (const artifact of await this.repository.ending(workspaceId)) {
      await this.artifacts.remove(this.artifacts.uri(dirname(artifact)));
      await this.repository.markGone(workspaceId, artifact);
    }
  }
}
