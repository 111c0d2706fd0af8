import { ArtifactError } from '#libs/artifacts';

import type { ExportExecution } from './export.execution.js';
import type { ExportRepository } from './export.repository.js';
import { exportWork } from './export.work.js';

const { explain } = exportWork({} as ExportRepository, {} as ExportExecution);

test('a full disk ends an export at once and says what to do; what may pass is tried again', () => {
  expect(explain(Object.assign(new Error('write'), { code: 'ENOSPC' }))).toContain('no space left');
  expect(explain(new ArtifactError('NO_SPACE', 'full'))).toContain('no space left');
  expect(explain(new Error('ingestion is away'))).toBeUndefined();
});
