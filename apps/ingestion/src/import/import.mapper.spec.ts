import { ingestion } from '#libs/contracts';

import { importOf } from './import.mapper.js';
import type { ImportRow } from './import.repository.js';

const BEGUN = Date.parse('2026-05-01T10:00:00Z');
const ROW: ImportRow = {
  id: 'import', state: 'RUNNING', artifact: '', file_name: 'a.csv', file_sha256: null, mapping: { form: 'segment' } as ImportRow['mapping'], mapping_guessed: false,
  created_at: '2026-05-01T10:00:00Z', started_at: '2026-05-01T10:00:00Z', finished_at: null, rows_read: '0', rows_total: '0', rows_folded: '0', rows_expected: '1000',
  staged_share: 0, staged_at: null, skipped: {}, rejected: {}, events_stored: '0', events_duplicate: '0', events_rejected: '0', events_done: '0', fence: 1, cancel_requested: false, error: '',
};

test('while a file is read, progress, rate and time left come from what was looked at', () => {
  const now = importOf({ ...ROW, staged_share: 0.5 }, BEGUN + 10_000);
  expect(now).toMatchObject({ stage: ingestion.ImportStage.READING, progress: 0.1, rowsStaged: 500, rowsRead: 0, rowsPerSecond: 50 });
  expect(now.remainingSeconds).toBeCloseTo(90);
});

test('while it is written, rate and time left come from the pace of writing alone', () => {
  const now = importOf({ ...ROW, staged_share: 1, staged_at: '2026-05-01T10:00:20Z', rows_total: '1000', rows_read: '250' }, BEGUN + 30_000);
  expect(now).toMatchObject({ stage: ingestion.ImportStage.WRITING, progress: 0.4, rowsStaged: 1000, rowsPerSecond: 25, remainingSeconds: 30 });
});

test('before anything is known there is no time left to tell, and at the end none is left', () => {
  expect(importOf(ROW, BEGUN + 1_000)).toMatchObject({ progress: 0, remainingSeconds: 0 });
  const done = importOf({ ...ROW, state: 'SUCCEEDED', staged_share: 1, staged_at: '2026-05-01T10:00:20Z', finished_at: '2026-05-01T10:01:00Z', rows_total: '1000', rows_read: '1000' });
  expect(done).toMatchObject({ stage: ingestion.ImportStage.UNSPECIFIED, progress: 1, rowsPerSecond: 1000 / 60, remainingSeconds: 0 });
});
