import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { v7 as uuid } from 'uuid';

import type { ArtifactStore, StoredArtifact } from '#libs/artifacts';
import type { Attempt } from '#libs/queue';

import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import { type ArchiveMeasure, checkedFile, measureArchive, rowsOf, writeArchive } from './archive.file.js';
import type { ArchiveRepository, ArchiveRow, Period } from './archive.repository.js';
import type { ArchiveRequestRepository } from './archive.request.repository.js';

/** What archives are made with. */
export interface ArchiveRooms {
  readonly archives: ArchiveRepository;
  readonly requests: ArchiveRequestRepository;
  readonly artifacts: ArtifactStore;
  readonly scratch: ScratchOptions;
}

/** Places at which a process may die, in their order. */
export const ARCHIVE_STEPS = ['noted', 'copied', 'written', 'verified', 'taken out', 'partition dropped'] as const;
export type Reached = (step: (typeof ARCHIVE_STEPS)[number]) => void;

const archiveFolder = (workspaceId: string, id: string) => [workspaceId, 'archives', id].join('/');
const MESSAGE_IDS_AT_ONCE = 5_000;

/**
 * Moves months from Postgres to files. A month leaves Postgres in one transaction that also says so, and only if what
 * leaves is what was read back from the file; before it the file is not used, after it the events are nowhere else.
 */
export class ArchiveWriter {
  constructor(
    private readonly rooms: ArchiveRooms,
    private readonly reached: Reached = () => undefined,
  ) {}

  /** Removes what attempts that died have left: events that never left Postgres are in half a file, or replaced files still lie there. */
  async tidy(workspaceId: string): Promise<void> {
    const { archives, artifacts } = this.rooms;
    for (const { id } of await archives.unfinished(workspaceId)) {
      await artifacts.remove(artifacts.uri(archiveFolder(workspaceId, id)));
      await archives.delete(workspaceId, id);
    }
    await removeStale(this.rooms, workspaceId);
  }

  /** Archives a month. */
  async write(attempt: Attempt, period: Period, receivedBefore: Date): Promise<void> {
    const { archives, requests, scratch: options } = this.rooms;
    const { workspaceId } = attempt;
    const id = uuid();
    const archive = await archives.insert(workspaceId, { id, requestId: attempt.id, receivedBefore, period_start: period.period_start, period_end: period.period_end });
    this.reached('noted');
    const scratch = await Scratch.open(options);
    try {
      const csv = join(scratch.folder, 'events.csv');
      await archives.copyOut(workspaceId, archive, csv);
      this.reached('copied');
      const written = join(scratch.folder, 'events.parquet');
      await writeArchive(scratch, csv, written);
      const { file, measure } = await keepFile(this.rooms, scratch, workspaceId, archive, { path: written, name: 'events' }, () => this.reached('written'));
      this.reached('verified');
      await archives.complete(workspaceId, archive, file, measure, (client) => requests.addMoved(client, attempt, Number(measure.events)));
      this.reached('taken out');
    } finally {
      await scratch.close();
    }
    await archives.dropEmptyPartition(archive.period_start);
    this.reached('partition dropped');
  }

  /** Ends an archive and the message ids of its events. Every step may be done again. */
  async drop(workspaceId: string, archive: ArchiveRow): Promise<void> {
    const { archives, artifacts, scratch: options } = this.rooms;
    await archives.beginDrop(workspaceId, archive.id);
    const scratch = await Scratch.open(options);
    try {
      const file = await checkedFile(artifacts, archive);
      await scratch.run(`CREATE TABLE ids AS SELECT message_id FROM ${rowsOf([file])}`);
      for (let from = 0; ; from += MESSAGE_IDS_AT_ONCE) {
        const rows = await scratch.rows<{ message_id: string }>(`SELECT message_id FROM ids WHERE rowid >= ${from} AND rowid < ${from + MESSAGE_IDS_AT_ONCE}`);
        if (rows.length === 0) break;
        await archives.forgetMessageIds(workspaceId, rows.map(({ message_id }) => message_id));
      }
    } finally {
      await scratch.close();
    }
    await archives.endDrop(workspaceId, archive.id);
  }
}

/** Puts a file into the store with its manifest, and reads both back: what is measured is what lies there. */
export async function keepFile(
  { artifacts }: Pick<ArchiveRooms, 'artifacts'>,
  scratch: Scratch,
  workspaceId: string,
  archive: ArchiveRow,
  { path, name }: { path: string; name: string },
  written: () => void = () => undefined,
): Promise<{ file: StoredArtifact; measure: ArchiveMeasure }> {
  const place = { workspaceId, area: 'archives', id: archive.id } as const;
  const file = await artifacts.write({ ...place, name: `${name}.parquet` }, createReadStream(path));
  written();
  await artifacts.verify(artifacts.uri(file.path), file.sha256);
  const measure = await measureArchive(scratch, await artifacts.localFile(file.path));
  const manifest = {
    format: 'kindred.archive/1', workspaceId, archiveId: archive.id, periodStart: archive.period_start, periodEnd: archive.period_end,
    path: `${name}.parquet`, sha256: file.sha256, bytes: file.bytes, events: Number(measure.events), digest: measure.digest,
  };
  await artifacts.write({ ...place, name: `${name}.json` }, Readable.from(JSON.stringify(manifest, null, 1)));
  return { file, measure };
}

/** Removes replaced and dropped files, each with its manifest, once nobody reads them. */
export async function removeStale({ archives, artifacts }: Pick<ArchiveRooms, 'archives' | 'artifacts'>, workspaceId: string): Promise<void> {
  for (const { id, stale_artifacts: paths } of await archives.withStale(workspaceId)) {
    await archives.removeStale(workspaceId, id, async () => {
      for (const path of paths) {
        await artifacts.remove(artifacts.uri(path));
        await artifacts.remove(artifacts.uri(path.replace(/\.parquet$/, '.json')));
      }
    });
  }
}
