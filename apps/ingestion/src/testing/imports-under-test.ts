import { Readable } from 'node:stream';

import { v7 as uuid } from 'uuid';

import { openArtifactStore } from '#libs/artifacts';
import type { ingestion } from '#libs/contracts';

import { type IngestionUnderTest, WORKSPACE } from './ingestion-under-test.js';

/** Files as they are uploaded and imported. */
export interface ImportsUnderTest {
  upload(content: string | Readable, fileName: string): Promise<{ artifact: string; fileName: string }>;
  /** To its end, however it ends. */
  importFile(content: string | Readable, fileName: string, mapping?: object | string): Promise<ingestion.Import>;
  ended(id: string): Promise<ingestion.Import>;
}

export function importsUnderTest(kindred: IngestionUnderTest): ImportsUnderTest {
  const call = { principal: kindred.principal };

  const upload: ImportsUnderTest['upload'] = async (content, fileName) => {
    const { path } = await openArtifactStore(kindred.platform.artifactUrl).write(
      { workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: `data${/\.[a-z]+(\.gz)?$/.exec(fileName)?.[0] ?? ''}` },
      typeof content === 'string' ? Readable.from([content]) : content,
    );
    return { artifact: path, fileName };
  };

  const ended: ImportsUnderTest['ended'] = async (id) => {
    let last: ingestion.Import | undefined;
    for await (const { import: now } of kindred.imports.watchImport({ id }, call)) last = now;
    if (!last) throw new Error('the stream told nothing');
    return last;
  };

  const importFile: ImportsUnderTest['importFile'] = async (content, fileName, mapping = '') => {
    const file = await upload(content, fileName);
    const { import: started } = await kindred.imports.startImport({ ...file, mapping: typeof mapping === 'string' ? mapping : JSON.stringify(mapping) }, call);
    return ended(started?.id ?? '');
  };

  return { upload, importFile, ended };
}

export const sum = (rows: readonly { rows: number }[]) => rows.reduce((total, { rows: count }) => total + count, 0);

/** Every row came to one end. */
export function addsUp({ rowsRead, rowsTotal, rowsFolded, skipped, rejected }: ingestion.Import): boolean {
  return rowsRead === rowsTotal && rowsTotal === rowsFolded + sum(skipped) + sum(rejected);
}
