import { tmpdir } from 'node:os';

import { v7 as uuid } from 'uuid';

import { openArtifactStore } from '#libs/artifacts';
import { type Database, openDatabase } from '#libs/database';

import { type ExecutionRooms, workOff } from '../../apps/ingestion/src/archive/archive.execution.js';
import { PersonArchives } from '../../apps/ingestion/src/archive/archive.person.js';
import { ArchiveRepository } from '../../apps/ingestion/src/archive/archive.repository.js';
import { ArchiveRequestRepository } from '../../apps/ingestion/src/archive/archive.request.repository.js';
import type { EventStore } from '../../apps/ingestion/src/event/event.store.js';
import type { ServingHouse } from './serving-house.js';

/** Moves every month that has ended to files, as ingestion does. */
export class Archiving {
  private readonly database: Database;
  private readonly rooms: ExecutionRooms;

  constructor(private readonly house: ServingHouse) {
    this.database = openDatabase({ url: house.platform.databaseUrl, service: 'ingestion', connections: 3 });
    this.rooms = {
      archives: new ArchiveRepository(this.database),
      requests: new ArchiveRequestRepository(this.database),
      artifacts: openArtifactStore(house.platform.artifactUrl),
      scratch: { workDir: tmpdir(), memory: '256MB' },
      // Nothing is replayed here.
      store: undefined as unknown as EventStore,
      hint: () => undefined,
      settleMs: 0,
    };
  }

  /** Answers how many events went. */
  async archive(workspaceId: string): Promise<number> {
    await this.request(workspaceId, null);
    const { rows } = await this.house.owner.query<{ left: number; archived: number }>(
      `select (select count(*)::int from ingestion.events e where e.workspace_id = $1 and e.occurred_at < date_trunc('month', now(), 'UTC')) as left,
         (select sum(events)::int from ingestion.event_archives a where a.workspace_id = $1) as archived`,
      [workspaceId],
    );
    if (rows[0]?.left !== 0) throw new Error('an event of an ended month stayed');
    return rows[0].archived;
  }

  /** Drops every archive, as a retention policy does. */
  drop(workspaceId: string): Promise<void> {
    return this.request(workspaceId, new Date().toISOString());
  }

  /** Writes files anew without somebody's events, as an erasure does. */
  async forget(workspaceId: string, userId: string): Promise<void> {
    const { archives, artifacts, scratch } = this.rooms;
    const { rows } = await this.house.owner.query<{ id: string }>('select id from ingestion.subjects where workspace_id = $1 and external_id = $2', [workspaceId, userId]);
    await new PersonArchives(archives, artifacts, scratch).forget(workspaceId, { subjectIds: rows.map(({ id }) => id), userIds: [userId], anonymousIds: [] }, () => Promise.resolve());
  }

  private async request(workspaceId: string, dropBefore: string | null): Promise<void> {
    const { requests } = this.rooms;
    await requests.insert(workspaceId, { id: uuid(), kind: 'ARCHIVE', requestedBy: 'test', archiveBefore: new Date().toISOString(), dropBefore });
    const [open] = (await requests.list(workspaceId, { rows: 1, after: undefined })).rows;
    const row = await requests.begin(workspaceId, open?.id ?? '');
    if (!row) throw new Error('the request did not begin');
    const attempt = { workspaceId, id: row.id, fence: row.fence };
    await workOff(this.rooms, attempt, row, new AbortController().signal);
    await requests.end(attempt, 'SUCCEEDED');
  }

  close(): Promise<void> {
    return this.database.close();
  }
}
