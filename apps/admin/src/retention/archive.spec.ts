import { type Archive, type ArchiveRequest, doneOf, periodOf, sinceOf } from './archive';

const ARCHIVE: Archive = {
  id: 'a', state: 'ARCHIVED', from: '2024-11-01T00:00:00Z', to: '2024-12-01T00:00:00Z', rows: 1, bytes: 1, checksum: 'ab', archivedAt: '2025-01-02T12:00:00Z', droppedAt: null, restoredAt: null, keptUntil: null,
};
const REQUEST: ArchiveRequest = {
  id: 'r', kind: 'ARCHIVE', state: 'RUNNING', requestedBy: 'policy', createdAt: '2025-01-02T12:00:00Z', progress: null, eventsDone: 1_200, eventsTotal: 4_000, eventsStored: 1_000, eventsDuplicate: 150, eventsRejected: 50, error: null,
};

test('an archive is of a month, or of a year before 2020', () => {
  expect(periodOf(ARCHIVE)).toBe('Nov 2024');
  expect(periodOf({ from: '2011-01-01T00:00:00Z', to: '2012-01-01T00:00:00Z' })).toBe('2011');
});

test('it says since when it is as it is, and how long what was put back stays', () => {
  expect(sinceOf(ARCHIVE)).toBe('since 2 Jan 2025');
  expect(sinceOf({ ...ARCHIVE, state: 'WRITING', archivedAt: null })).toBe('');
  expect(sinceOf({ ...ARCHIVE, state: 'DROPPED', droppedAt: '2026-03-04T12:00:00Z' })).toBe('on 4 Mar 2026');
  expect(sinceOf({ ...ARCHIVE, state: 'RESTORED', restoredAt: '2026-03-04T12:00:00Z', keptUntil: '2026-04-03T12:00:00Z' })).toBe('on 4 Mar 2026; no policy archives it before 3 Apr 2026');
});

test('a request says how far it is, and of a replay what became of the events', () => {
  expect(doneOf(REQUEST)).toBe('1,200 of 4,000 events');
  expect(doneOf({ ...REQUEST, eventsTotal: null, eventsDone: 1 })).toBe('1 event');
  expect(doneOf({ ...REQUEST, kind: 'REPLAY', eventsTotal: 1_200 })).toBe('1,200 events: 1,000 stored, 150 known before, 50 refused');
});
