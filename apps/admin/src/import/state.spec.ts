import { doingOf, rowsOf, type Import } from './state';

const GOING: Import = {
  id: 'i', state: 'RUNNING', fileName: 'shop.csv', source: 'import:i', startedAt: null, finishedAt: null, stage: 'READING', progress: 0.2, rowsRead: 0, rowsStaged: 12_000, rowsTotal: null,
  rowsFolded: 0, skipped: [], rejected: [], eventsStored: 0, eventsDuplicate: 0, eventsRejected: 0, rowsPerSecond: 30_000, remainingSeconds: null, error: null, mapping: null,
};

describe('an import', () => {
  it('says what it is at, as far as that is known', () => {
    expect(doingOf({ ...GOING, state: 'QUEUED' })).toBe('Waiting for its turn');
    expect(doingOf({ ...GOING, rowsStaged: 0, rowsPerSecond: 0 })).toBe('Reading the file');
    expect(doingOf(GOING)).toBe('Reading the file · 12,000 rows · 30k rows a second');
    expect(doingOf({ ...GOING, stage: 'WRITING', rowsRead: 1, rowsTotal: 40_000, remainingSeconds: 32 })).toBe('Committing events · 1 of 40,000 rows · 30k rows a second · about 30 seconds left');
  });

  it('adds up the rows of all reasons', () => {
    expect(rowsOf([{ rows: 2 }, { rows: 3 }])).toBe(5);
    expect(rowsOf([])).toBe(0);
  });
});
