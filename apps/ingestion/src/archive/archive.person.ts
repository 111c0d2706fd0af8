import { join } from 'node:path';

import type { PoolClient } from 'pg';
import { v7 as uuid } from 'uuid';

import type { ArtifactStore } from '#libs/artifacts';

import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import { checkedFile, findForgotten, type ForgottenIds, type ForgottenRows, importsOfForgotten, rowsOf, writeWithout } from './archive.file.js';
import { ArchiveOvertaken, type ArchiveRepository } from './archive.repository.js';
import { keepFile, removeStale } from './archive.writer.js';

const ATTEMPTS = 5;
const EVENTS_AT_ONCE = 2_000;

/** As in the columns of `ingestion.events`; times in ISO 8601 to the microsecond, JSON as text. */
export interface ArchivedLine {
  readonly type: string;
  readonly name: string;
  readonly message_id: string;
  readonly user_id: string | null;
  readonly anonymous_id: string | null;
  readonly group_id: string | null;
  readonly previous_id: string | null;
  readonly occurred_at: string;
  readonly received_at: string;
  readonly properties: string;
  readonly context: string | null;
}

/** What was left out of an archive, and the imports that had brought it. */
export interface ForgottenOrigins extends ForgottenRows {
  readonly imports: readonly string[];
}

/** What archives hold of a person. */
export class PersonArchives {
  constructor(
    private readonly archives: ArchiveRepository,
    private readonly artifacts: ArtifactStore,
    private readonly scratch: ScratchOptions,
  ) {}

  /**
   * Writes every file anew that holds a person, without them; `within` is given what was left out, in the transaction
   * that puts the new file in the place of the old one.
   */
  async forget(workspaceId: string, ids: ForgottenIds, within: (client: PoolClient, gone: ForgottenOrigins) => Promise<void>): Promise<void> {
    for (const { id } of await this.archives.stored(workspaceId)) {
      for (let attempt = 1; ; attempt++) {
        try {
          await this.forgetIn(workspaceId, id, ids, within);
          break;
        } catch (error) {
          if (!(error instanceof ArchiveOvertaken) || attempt === ATTEMPTS) throw error;
        }
      }
    }
    await removeStale({ archives: this.archives, artifacts: this.artifacts }, workspaceId);
  }

  /** A person's archived events, month by month, each in order of time. */
  async *events(workspaceId: string, subjectIds: readonly string[]): AsyncGenerator<ArchivedLine[]> {
    for (const archive of await this.archives.ofSubjects(workspaceId, subjectIds)) {
      const scratch = await Scratch.open(this.scratch);
      try {
        const file = await checkedFile(this.artifacts, archive);
        const ids = subjectIds.map((id) => `'${id}'`).join(', ');
        await scratch.run(`CREATE TABLE theirs AS SELECT * FROM ${rowsOf([file])} WHERE subject_id IN (${ids}) ORDER BY occurred_at, sequence`);
        for (let from = 0; ; from += EVENTS_AT_ONCE) {
          const page = await scratch.rows<ArchivedLine>(`
            SELECT type, name, message_id, user_id, anonymous_id, group_id, previous_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at,
              strftime(received_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS received_at, properties, context
            FROM theirs WHERE rowid >= ${from} AND rowid < ${from + EVENTS_AT_ONCE} ORDER BY rowid`);
          if (page.length === 0) break;
          yield page;
        }
      } finally {
        await scratch.close();
      }
    }
  }

  private async forgetIn(workspaceId: string, id: string, ids: ForgottenIds, within: (client: PoolClient, gone: ForgottenOrigins) => Promise<void>): Promise<void> {
    // Read again in each attempt: it may have been written anew, or dropped.
    const archive = await this.archives.find(workspaceId, id);
    if (archive?.state !== 'ARCHIVED') return;
    const scratch = await Scratch.open(this.scratch);
    try {
      const old = await checkedFile(this.artifacts, archive);
      const gone = await findForgotten(scratch, old, ids);
      if (gone.events + gone.mentions === 0) return;
      const imports = await importsOfForgotten(scratch, old, ids);
      const path = join(scratch.folder, 'events.parquet');
      await writeWithout(scratch, old, ids, path);
      const { file, measure } = await keepFile({ artifacts: this.artifacts }, scratch, workspaceId, archive, { path, name: `events-${uuid()}` });
      await this.archives.replace(workspaceId, archive, file, measure, ids.subjectIds, (client) => within(client, { ...gone, imports }));
    } finally {
      await scratch.close();
    }
  }
}
