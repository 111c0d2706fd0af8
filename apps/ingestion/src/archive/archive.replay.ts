import { v7 as uuid } from 'uuid';

import type { ArtifactStore } from '#libs/artifacts';
import type { Attempt } from '#libs/queue';

import type { EventType, IntakeEvent } from '../event/event.js';
import { writeItems } from '../event/event.quarantine.js';
import type { EventStore } from '../event/event.store.js';
import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import { checkedFile, rowsOf } from './archive.file.js';
import type { ArchiveRow } from './archive.repository.js';
import type { ArchiveRequestRepository, ArchiveRequestRow } from './archive.request.repository.js';

const EVENTS_AT_ONCE = 2_000;

interface ArchivedEvent {
  horizon: string;
  sequence: string;
  occurred_at: string;
  type: EventType;
  name: string;
  message_id: string;
  original_at: string | null;
  time_clamped: boolean;
  user_id: string | null;
  anonymous_id: string | null;
  group_id: string | null;
  previous_id: string | null;
  properties: string;
  context: string | null;
}

export interface ReplayRooms {
  readonly store: EventStore;
  readonly requests: ArchiveRequestRepository;
  readonly artifacts: ArtifactStore;
  readonly scratch: ScratchOptions;
  /** Says that a workspace has new events. */
  readonly hint: (workspaceId: string) => void;
}

/**
 * Takes the events of an archive in as the intake does, in the order in which they came: message ids, identity,
 * suppression and the ledger of the target hold. A page and how far the replay is are one commit.
 */
export async function replayArchive(rooms: ReplayRooms, attempt: Attempt, row: ArchiveRequestRow, archive: ArchiveRow, signal: AbortSignal): Promise<void> {
  const { store, requests, artifacts, hint } = rooms;
  const to = { workspaceId: row.into_workspace_id ?? attempt.workspaceId, source: `archive:${archive.id}`, isRepeatable: true };
  const scratch = await Scratch.open(rooms.scratch);
  try {
    const file = await checkedFile(artifacts, archive);
    await scratch.run(`CREATE TABLE replayed AS SELECT * FROM ${rowsOf([file])}
      WHERE (horizon, sequence) > (${BigInt(row.done_horizon)}, ${BigInt(row.done_sequence)}) ORDER BY horizon, sequence`);
    const [left] = await scratch.rows<{ events: string }>('SELECT count(*) AS events FROM replayed');
    await requests.setRemaining(attempt, Number(left?.events));
    for (let from = 0; ; from += EVENTS_AT_ONCE) {
      signal.throwIfAborted();
      const page = await pageOf(scratch, from);
      if (page.length === 0) return;
      const receivedAt = new Date();
      await writeItems(store, to, page.map((archived) => ({ archived, item: { event: eventOf(archived, receivedAt) } })), async (client, stored, items) => {
        const last = items.at(-1)?.archived;
        if (last) await requests.addReplayed(client, attempt, { ...stored, horizon: last.horizon, sequence: last.sequence, events: items.length });
      });
      hint(to.workspaceId);
    }
  } finally {
    await scratch.close();
  }
}

function pageOf(scratch: Scratch, from: number): Promise<ArchivedEvent[]> {
  const iso = (column: string) => `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%fZ') AS ${column}`;
  return scratch.rows<ArchivedEvent>(`
    SELECT horizon, sequence, ${iso('occurred_at')}, type, name, message_id, ${iso('original_at')}, time_clamped, user_id, anonymous_id, group_id, previous_id, properties, context
    FROM replayed WHERE rowid >= ${from} AND rowid < ${from + EVENTS_AT_ONCE} ORDER BY rowid`);
}

/** As it was, but that it arrives now: the sender's clock was corrected when it first came. */
function eventOf(archived: ArchivedEvent, receivedAt: Date): IntakeEvent {
  return {
    id: uuid(),
    messageId: archived.message_id,
    type: archived.type,
    name: archived.name,
    occurredAt: archived.occurred_at,
    receivedAt,
    sentAt: null,
    originalAt: archived.original_at === null ? null : new Date(archived.original_at).toISOString(),
    timeClamped: archived.time_clamped,
    userId: archived.user_id,
    anonymousId: archived.anonymous_id,
    groupId: archived.group_id,
    previousId: archived.previous_id,
    properties: archived.properties,
    context: archived.context,
  };
}
