import type { Attempt } from '#libs/queue';

import { Scratch } from '../scratch/scratch.js';
import { checkedFile, COLUMNS, rowsOf } from './archive.file.js';
import type { ArchiveRow } from './archive.repository.js';
import type { ArchiveRooms } from './archive.writer.js';

const EVENTS_AT_ONCE = 2_000;

/**
 * Puts the events of an archive back where they were: the same rows, with the places in the feed that they had, so that
 * nobody reads them twice. They are laid out beside the table first; then one transaction moves them in and says so, if
 * what came in is what the archive was seen to hold.
 */
export async function restoreArchive(
  { archives, requests, artifacts, scratch: options }: ArchiveRooms,
  attempt: Attempt,
  { archive, keepDays }: { archive: ArchiveRow; keepDays: number },
  signal: AbortSignal,
): Promise<void> {
  const scratch = await Scratch.open(options);
  try {
    const file = await checkedFile(artifacts, archive);
    await requests.setRemaining(attempt, Number(archive.events));
    await scratch.run(`CREATE TABLE restored AS SELECT ${COLUMNS.join(', ')} FROM ${rowsOf([file])}`);
    async function* pages(): AsyncGenerator<object[]> {
      for (let from = 0; ; from += EVENTS_AT_ONCE) {
        signal.throwIfAborted();
        const page = await scratch.rows<object>(`SELECT * FROM restored WHERE rowid >= ${from} AND rowid < ${from + EVENTS_AT_ONCE} ORDER BY rowid`);
        if (page.length === 0) return;
        yield page;
      }
    }
    await archives.putBack(attempt.workspaceId, archive, keepDays, pages(), (client) => requests.addMoved(client, attempt, Number(archive.events)));
  } finally {
    await scratch.close();
  }
}
