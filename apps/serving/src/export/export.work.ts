import { ArtifactError } from '#libs/artifacts';
import type { RowWork } from '#libs/queue';

import type { ExportExecution } from './export.execution.js';
import type { ExportRepository, ExportRow } from './export.repository.js';

/** How exports are worked off. */
export const exportWork = (exports: ExportRepository, execution: ExportExecution): RowWork<ExportRow> => ({
  what: 'an export',
  begin: (workspaceId, id) => exports.begin(workspaceId, id),
  find: (workspaceId, id) => exports.find(workspaceId, id),
  run: (attempt, row, signal) => execution.run(attempt, row, signal),
  end: (attempt, state, error) => exports.end(attempt, state, error),
  explain,
  unexplained: 'It failed at every attempt; the log of serving has why. Ask for it again once that is mended; nothing else was changed.',
});

function explain(cause: unknown): string | undefined {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || (cause instanceof ArtifactError && cause.reason === 'NO_SPACE')) {
    return 'There is no space left for the file. Free some (older exports, snapshots of old runs) and ask for it again.';
  }
  return undefined;
}
