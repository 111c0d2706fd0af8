import type { ArchiveRequestKind, ArchiveRequestRowFragment, ArchiveRequestState, EventArchiveRowFragment, EventArchiveState } from '../gen/graphql';
import type { Tone } from '../parts/figures';
import { count, counted } from '../wording/figure';
import { date, monthOf, yearOf } from '../wording/time';

export type Archive = EventArchiveRowFragment;
export type ArchiveRequest = ArchiveRequestRowFragment;

export const STATES: Record<EventArchiveState, { readonly words: string; readonly tone: Tone }> = {
  WRITING: { words: 'being written', tone: 'live' },
  ARCHIVED: { words: 'in a file', tone: 'good' },
  DROPPED: { words: 'dropped', tone: 'plain' },
  RESTORED: { words: 'put back', tone: 'plain' },
};

export const REQUEST_KINDS: Record<ArchiveRequestKind, string> = { ARCHIVE: 'To archives', REPLAY: 'Replay', RESTORE: 'Restore' };

export const REQUEST_STATES: Record<ArchiveRequestState, { readonly words: string; readonly tone: Tone }> = {
  QUEUED: { words: 'waiting', tone: 'live' },
  RUNNING: { words: 'being done', tone: 'live' },
  SUCCEEDED: { words: 'done', tone: 'good' },
  FAILED: { words: 'failed', tone: 'bad' },
  CANCELLED: { words: 'stopped', tone: 'plain' },
};

export const isUnderWay = ({ state }: Pick<ArchiveRequest, 'state'>): boolean => state === 'QUEUED' || state === 'RUNNING';

const DAYS_OF_A_MONTH = 31;
const DAY_MS = 86_400_000;

/** "Nov 2024"; "2011" of an archive of a whole year. */
export function periodOf({ from, to }: Pick<Archive, 'from' | 'to'>): string {
  return Date.parse(to) - Date.parse(from) > DAYS_OF_A_MONTH * DAY_MS ? yearOf(from) : monthOf(from);
}

/** When it came to be as it is. */
export function sinceOf({ state, archivedAt, droppedAt, restoredAt, keptUntil }: Archive): string {
  if (state === 'DROPPED' && droppedAt) return `on ${date(droppedAt)}`;
  if (state === 'RESTORED' && restoredAt) return `on ${date(restoredAt)}${keptUntil ? `; no policy archives it before ${date(keptUntil)}` : ''}`;
  return archivedAt ? `since ${date(archivedAt)}` : '';
}

/** What came of it so far: "1,200 of 4,000 events", of a replay also what became of them. */
export function doneOf({ kind, eventsDone, eventsTotal, eventsStored, eventsDuplicate, eventsRejected }: ArchiveRequest): string {
  const done = eventsTotal === null || eventsTotal === eventsDone ? counted(eventsDone, 'event') : `${count(eventsDone)} of ${counted(eventsTotal, 'event')}`;
  return kind === 'REPLAY' ? `${done}: ${count(eventsStored)} stored, ${count(eventsDuplicate)} known before, ${count(eventsRejected)} refused` : done;
}
