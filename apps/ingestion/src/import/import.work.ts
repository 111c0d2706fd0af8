import type { JobRow, RowWork } from '#libs/queue';

import { ImportExecution, type ImportRooms } from './import.execution.js';
import { explainFailure } from './import.failure.js';
import type { ImportRow } from './import.repository.js';

/** How imports are worked off. Reading a file takes a core and much of the memory there is, so one at a time is enough. */
export const importWork = (rooms: ImportRooms): RowWork<ImportRow & JobRow> => ({
  what: 'an import',
  begin: (workspaceId, id) => rooms.repository.begin(workspaceId, id),
  find: (workspaceId, id) => rooms.repository.find(workspaceId, id),
  run: (attempt, row, signal) => new ImportExecution(rooms, attempt, row, signal).run(),
  end: (attempt, state, error) => rooms.repository.end(attempt, state, error),
  explain: explainFailure,
  unexplained: 'An unexpected failure; the log of ingestion has it. What was committed stays, and the same file again goes on from there.',
});
