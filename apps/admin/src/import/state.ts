import type { ImportRowFragment, ImportState } from '../gen/graphql';
import type { Tone } from '../parts/figures';
import { count, counted, shortCount } from '../wording/figure';
import { timeLeft } from '../wording/time';

export type Import = ImportRowFragment;

export const STATES: Record<ImportState, { readonly words: string; readonly tone: Tone }> = {
  QUEUED: { words: 'waiting', tone: 'live' },
  RUNNING: { words: 'being taken in', tone: 'live' },
  SUCCEEDED: { words: 'taken in', tone: 'good' },
  FAILED: { words: 'failed', tone: 'bad' },
  CANCELLED: { words: 'stopped', tone: 'plain' },
};

export const isUnderWay = ({ state }: Pick<Import, 'state'>): boolean => state === 'QUEUED' || state === 'RUNNING';

/** What an import is at: "Reading the file · 12,000 of 40,000 rows · 30k rows a second · about 10 seconds left". */
export function doingOf({ state, stage, rowsStaged, rowsRead, rowsTotal, rowsPerSecond, remainingSeconds }: Import): string {
  if (state === 'QUEUED') return 'Waiting for its turn';
  const done = stage === 'READING' ? rowsStaged : rowsRead;
  const rows = rowsTotal === null ? done > 0 && counted(done, 'row') : `${count(done)} of ${counted(rowsTotal, 'row')}`;
  const facts = [stage === 'READING' ? 'Reading the file' : 'Committing events', rows, rowsPerSecond > 0 && `${shortCount(rowsPerSecond)} rows a second`, timeLeft(remainingSeconds)];
  return facts.filter(Boolean).join(' · ');
}

/** Rows with any of some reasons. */
export const rowsOf = (counts: readonly { rows: number }[]): number => counts.reduce((sum, { rows }) => sum + rows, 0);
