import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import { Inject, Injectable } from '@nestjs/common';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';

import { publicId } from '../page/public-id.js';
import { ARTIFACTS } from '../store.js';
import { FORMER } from './export.columns.js';
import { exportFolder, fileName, manifestName } from './export.execution.js';
import { ExportRepository, type KeptFile } from './export.repository.js';
import { withScratch } from './member.file.js';

/** What forgetting did to exports; names as receipts have them. */
export type ExportsForgotten = Readonly<Record<'serving.exports (rows taken out)' | 'serving.exports (files written anew)', number>>;

/**
 * Takes customers out of files that hold them. Each such file is written anew beside the old one, the row names it,
 * and the old one goes; stopped anywhere, the same again ends it. What is being written meanwhile begins anew.
 */
@Injectable()
export class ExportForgetting {
  constructor(
    private readonly exports: ExportRepository,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
  ) {}

  async forget(workspaceId: string, customerIds: readonly string[]): Promise<ExportsForgotten> {
    await this.exports.restart(workspaceId);
    const ids = customerIds.map((id) => publicId('Customer', id));
    let [rows, files] = [0, 0];
    for (const kept of await this.exports.kept(workspaceId)) {
      const removed = await this.takeOut(workspaceId, kept, ids);
      rows += removed;
      files += removed > 0 ? 1 : 0;
    }
    return { 'serving.exports (rows taken out)': rows, 'serving.exports (files written anew)': files };
  }

  /** Answers how many rows it took out. */
  private async takeOut(workspaceId: string, kept: KeptFile, ids: readonly string[]): Promise<number> {
    const file = await this.artifacts.localFile(kept.artifact).catch((error: unknown) => {
      // Taken away by hand: there is nothing in it any more.
      if (error instanceof ArtifactError && error.reason === 'MISSING') return undefined;
      throw error;
    });
    if (file === undefined) return 0;
    return withScratch(new AbortController().signal, async (scratch) => {
      const without = await scratch.without(file, kept.format, kept.manifest.columns ?? FORMER, ids);
      if (!without) return 0;
      const fence = kept.fence + 1;
      const place = { workspaceId, area: 'exports', id: kept.id } as const;
      // An attempt that was cut off may have left them.
      for (const name of [fileName(fence, kept.format), manifestName(fence)]) await this.artifacts.remove(this.artifacts.uri(`${exportFolder(workspaceId, kept.id)}/${name}`));
      const stored = await this.artifacts.write({ ...place, name: fileName(fence, kept.format) }, createReadStream(without.file));
      const { file: was, forgotten } = kept.manifest;
      const manifest = {
        ...kept.manifest,
        forgotten: forgotten + without.removed,
        file: { ...was, name: fileName(fence, kept.format), rows: was.rows - without.removed, bytes: stored.bytes, sha256: stored.sha256 },
      };
      await this.artifacts.write({ ...place, name: manifestName(fence) }, Readable.from([JSON.stringify(manifest, null, 1)]));
      if (!(await this.exports.replace(workspaceId, kept, stored.path, manifest))) throw new Error(`the file of export ${kept.id} was changed by somebody else`);
      for (const name of [fileName(kept.fence, kept.format), manifestName(kept.fence)]) await this.artifacts.remove(this.artifacts.uri(`${exportFolder(workspaceId, kept.id)}/${name}`));
      return without.removed;
    });
  }
}
