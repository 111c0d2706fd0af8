import type { Logger } from 'pino';

import { ArtifactError } from '#libs/artifacts';
import { status } from '#libs/grpc';
import type { JobRow, RowWork } from '#libs/queue';

import { PeerFailure } from '../step/failure.js';
import { HeadExecution, type HeadRooms } from './head.execution.js';
import type { HeadRow } from './head.repository.js';

type HeadJobRow = HeadRow & JobRow;

const jobRow = (row: HeadRow | undefined): HeadJobRow | undefined => row && { ...row, cancel_requested: row.cancelRequested };

/** How heads are worked off. The worker learns one thing at a time, so one at a time is enough. */
export const headWork = (rooms: HeadRooms, log: Logger): RowWork<HeadJobRow> => ({
  what: 'a head',
  begin: async (workspaceId, id) => jobRow(await rooms.repository.begin(workspaceId, id)),
  find: async (workspaceId, id) => jobRow((await rooms.repository.get(workspaceId, [id]))[0]),
  run: (attempt, row, signal) => new HeadExecution(rooms, attempt, row, signal).run(),
  end: async (attempt, state, error) => {
    // Nothing half-done is left behind.
    await rooms.files.remove(attempt.workspaceId, attempt.id);
    await rooms.repository.fail(attempt, state, error);
    await rooms.snapshots.remove(attempt.workspaceId, attempt.id).catch((failure: unknown) => {
      log.warn({ err: failure, headId: attempt.id }, 'the snapshot of a head that came to nothing was not removed, and stays');
    });
  },
  explain: explainFailure,
  unexplained: 'An unexpected failure; the log of training has it. Train the head again.',
});

/** For a person: why a head cannot end well and how to mend it; undefined where trying again may do. */
export function explainFailure(error: unknown): string | undefined {
  if (error instanceof ArtifactError) return error.reason === 'NO_SPACE' ? 'The artefact store is full. Free some space and train the head again.' : undefined;
  if (!(error instanceof PeerFailure)) return undefined;
  const { status: code, message, metadata, reason } = error.error;
  if (reason === 'NO_SPACE') return 'The artefact store is full. Free some space and train the head again.';
  if (code === status.FAILED_PRECONDITION && metadata['needed'] !== undefined) return `${message}. Needed: ${metadata['needed']}; found: ${metadata['found'] ?? ''}. Add labels and train the head again.`;
  if (code === status.FAILED_PRECONDITION || code === status.INVALID_ARGUMENT || code === status.DATA_LOSS) return `${message}.`.replace(/\.\.$/, '.');
  if (code === status.UNIMPLEMENTED) return 'The worker, ingestion or serving is of another version than training. Update all, then train the head again.';
  return undefined;
}
