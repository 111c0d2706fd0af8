import type { Attempt } from '#libs/queue';

import { ArchiveOvertaken } from './archive.repository.js';
import { type ReplayRooms, replayArchive } from './archive.replay.js';
import { restoreArchive } from './archive.restore.js';
import type { ArchiveRequestRow } from './archive.request.repository.js';
import { type ArchiveRooms, ArchiveWriter, type Reached, removeStale } from './archive.writer.js';

/** What requests are worked off with. */
export interface ExecutionRooms extends ArchiveRooms, ReplayRooms {
  /** What arrived later than this long ago stays: whoever follows the feed has read the rest. */
  readonly settleMs: number;
}

/** A failure that trying again does not mend; its message is for a person. */
export class ArchiveFailure extends Error {}

const ATTEMPTS = 3;
/** Who asks where nobody does. */
export const POLICY = 'policy';

/** One attempt at a request. What earlier ones did stays done. */
export async function workOff(rooms: ExecutionRooms, attempt: Attempt, row: ArchiveRequestRow, signal: AbortSignal, reached?: Reached): Promise<void> {
  if (row.kind === 'REPLAY') return replay(rooms, attempt, row, signal);
  if (row.kind === 'RESTORE') return restore(rooms, attempt, row, signal);
  const { archives, requests } = rooms;
  const { workspaceId } = attempt;
  const writer = new ArchiveWriter(rooms, reached);
  await writer.tidy(workspaceId);
  const receivedBefore = new Date(Date.now() - rooms.settleMs);
  const months = row.archive_before === null ? [] : await archives.due(workspaceId, row.archive_before, receivedBefore, { isPolicy: row.requested_by === POLICY });
  await requests.setRemaining(attempt, months.reduce((sum, { events }) => sum + events, 0));
  for (const month of months) {
    signal.throwIfAborted();
    await patiently(() => writer.write(attempt, month, receivedBefore), () => writer.tidy(workspaceId));
  }
  for (const archive of await archives.toDrop(workspaceId, row.drop_before)) {
    signal.throwIfAborted();
    await writer.drop(workspaceId, archive);
  }
  await removeStale(rooms, workspaceId);
}

/** Where a person is erased while their month is copied, it is copied again. */
async function patiently(copy: () => Promise<void>, tidy: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await copy();
    } catch (error) {
      if (!(error instanceof ArchiveOvertaken) || attempt === ATTEMPTS) throw error;
      await tidy();
    }
  }
}

/** What an attempt that died had committed is not done again. */
async function restore(rooms: ExecutionRooms, attempt: Attempt, row: ArchiveRequestRow, signal: AbortSignal): Promise<void> {
  const { archives } = rooms;
  await patiently(async () => {
    const archive = await archives.find(attempt.workspaceId, row.archive_id ?? '');
    if (archive?.state === 'RESTORED') return;
    if (archive?.state !== 'ARCHIVED') throw new ArchiveFailure('The archive was dropped before it was restored.');
    await restoreArchive(rooms, attempt, { archive, keepDays: row.keep_days ?? 1 }, signal);
  }, () => Promise.resolve());
  await removeStale(rooms, attempt.workspaceId);
}

async function replay(rooms: ExecutionRooms, attempt: Attempt, row: ArchiveRequestRow, signal: AbortSignal): Promise<void> {
  const archive = await rooms.archives.find(attempt.workspaceId, row.archive_id ?? '');
  if (archive?.state !== 'ARCHIVED') throw new ArchiveFailure('The archive was dropped before it was replayed to its end.');
  await replayArchive(rooms, attempt, row, archive, signal);
}
