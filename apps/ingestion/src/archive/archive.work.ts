import { ArtifactError } from '#libs/artifacts';
import type { JobRow, RowWork } from '#libs/queue';

import { isNoSpace } from '../scratch/scratch.js';
import { ArchiveFailure, type ExecutionRooms, workOff } from './archive.execution.js';
import type { ArchiveRequestRow } from './archive.request.repository.js';

/** How requests to archive and to replay are worked off. */
export const archiveWork = (rooms: ExecutionRooms): RowWork<ArchiveRequestRow & JobRow> => ({
  what: 'an archive request',
  begin: (workspaceId, id) => rooms.requests.begin(workspaceId, id),
  find: (workspaceId, id) => rooms.requests.find(workspaceId, id),
  run: async (attempt, row, signal) => {
    await workOff(rooms, attempt, row, signal);
    await rooms.requests.end(attempt, 'SUCCEEDED');
  },
  end: (attempt, state, error) => rooms.requests.end(attempt, state, error),
  explain,
  unexplained: 'An unexpected failure; the log of ingestion has it. What was done stays done: ask again once it is mended.',
});

function explain(cause: unknown): string | undefined {
  if (cause instanceof ArchiveFailure) return cause.message;
  if (isNoSpace(cause)) return 'There is no space left for archives. Free some and ask again; no event was taken out of the database.';
  if (cause instanceof ArtifactError && (cause.reason === 'MISSING' || cause.reason === 'HASH_MISMATCH')) {
    return `A file of an archive is not as it was written: ${cause.message} Put it back from a backup and ask again.`;
  }
  return undefined;
}
