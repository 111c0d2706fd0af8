import { LRUCache } from 'lru-cache';

import type { ArchivedEvent } from './archive.reader.js';
import { type Archived, EventHistory, type EventScope } from './event.history.js';

const MOST_BYTES = 32 * 2 ** 20;
/** Of an event beside its properties, about. */
const BYTES_AN_EVENT = 500;
/** Events in one piece. */
const PIECE = 2_000;
/** What nobody asks for so long is forgotten, so that what was erased from files does not stay. */
const IDLE_MS = 600_000;

/**
 * Of single customers, what files hold is kept in this process, for whoever asks about the same ones again and again. Files never change, and what is kept is found by
 * the hashes of all files that hold some of a subject: once one of them is archived anew, restored, dropped or written without somebody who was erased, nothing is found
 * and files are read again. Which files these are is read each time, so that nobody has to tell this process anything.
 */
export class KeptHistory extends EventHistory {
  private readonly kept = new LRUCache<string, readonly ArchivedEvent[]>({
    maxSize: MOST_BYTES, sizeCalculation: (events, key) => key.length + sizeOf(events), ttl: IDLE_MS, updateAgeOnGet: true, ttlAutopurge: true,
  });

  /** All that happened of these names, however long ago: `since` moves, and whoever asks leaves out what is older. */
  protected override async *read(archived: readonly Archived[], scope: EventScope, signal?: AbortSignal): AsyncGenerator<readonly ArchivedEvent[]> {
    const { names, isBehaviour, before, latest, eventIds } = scope;
    if (before || latest !== undefined || eventIds || archived.some(({ subjectId }) => subjectId === null)) {
      yield* super.read(archived, scope, signal);
      return;
    }
    const known: ArchivedEvent[] = [];
    const missing: Archived[] = [];
    const found = new Map<string, { readonly key: string; readonly events: ArchivedEvent[] }>();
    for (const [subjectId, theirs] of Map.groupBy(archived, (one) => one.subjectId ?? '')) {
      const key = JSON.stringify([subjectId, names, isBehaviour, ...theirs.map(({ sha256 }) => sha256).sort()]);
      const events = this.kept.get(key);
      if (events) {
        for (const event of events) known.push(event);
      } else {
        missing.push(...theirs);
        found.set(subjectId, { key, events: [] });
      }
    }
    for (let from = 0; from < known.length; from += PIECE) yield known.slice(from, from + PIECE);
    if (missing.length === 0) return;
    let room = MOST_BYTES;
    for await (const events of super.read(missing, { names, isBehaviour }, signal)) {
      yield events;
      room -= sizeOf(events);
      // More than is kept of everyone is not gathered either.
      if (room < 0) found.clear();
      for (const event of events) found.get(event.subject_id)?.events.push(event);
    }
    for (const { key, events } of found.values()) this.kept.set(key, events);
  }
}

function sizeOf(events: readonly ArchivedEvent[]): number {
  return events.reduce((sum, { properties }) => sum + BYTES_AN_EVENT + properties.length, 0);
}
