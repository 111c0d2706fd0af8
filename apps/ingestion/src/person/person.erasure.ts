import type { PoolClient } from 'pg';

import type { Database, Position } from '#libs/database';
import type { Attempt } from '#libs/queue';

import type { ForgottenRows } from '../archive/archive.file.js';
import type { PersonArchives } from '../archive/archive.person.js';
import { eraseMessageIds } from '../event/erased.messages.js';
import { CLOSE_IDENTITY_GATE } from '../identity/identity.gate.js';
import type { KeyedDigest } from '../identity/keyed.digest.js';
import type { UploadRepository } from '../upload/upload.repository.js';
import { importsOfEvents, importsOfRefused } from './person.imports.js';
import type { PersonPeers } from './person.peers.js';
import type { PersonRequestRepository, PersonRequestRow } from './person.repository.js';
import { refusedIds } from './person.refused.js';
import { type PersonSubjects, subjectsOf } from './person.subjects.js';

export interface Erased {
  readonly row: PersonRequestRow;
  /** Requests whose exports, also half-made ones, are of the person. */
  readonly exportIds: readonly string[];
}

/** Rows that went with message ids. */
type ByMessage = Record<'ingestion.duplicate_events' | 'ingestion.rejected_events', number>;

/** Tables whose rows hang on subjects ($2), in the order in which they are emptied. */
const BY_SUBJECT = {
  'ingestion.subject_attributes': 'subject_id = ANY ($2::uuid[])',
  'ingestion.split_subjects': 'subject_id = ANY ($2::uuid[]) OR other_subject_id = ANY ($2::uuid[])',
  'ingestion.customer_merges': 'from_subject_id = ANY ($2::uuid[]) OR into_subject_id = ANY ($2::uuid[])',
  'ingestion.subject_customers': 'subject_id = ANY ($2::uuid[])',
  'ingestion.subjects': 'id = ANY ($2::uuid[])',
  'ingestion.customers': 'id = ANY ($2::uuid[])',
} as const;

/** Rows that show one of the message ids as their example go on without. */
const withoutExamples = (messageIds: string) =>
  `UPDATE ingestion.tracking_plan_violations SET example_message_id = '' WHERE workspace_id = $1 AND example_message_id IN (${messageIds})`;

/** Events of the person went into an archive since the archives were looked through: the next attempt looks again. */
class PersonArchivedMeanwhile extends Error {}

/** Removes a person from ingestion's own tables and archives. */
export class PersonErasure {
  constructor(
    private readonly database: Database,
    private readonly requests: PersonRequestRepository,
    private readonly archives: PersonArchives,
    private readonly files: UploadRepository,
    private readonly peers: Pick<PersonPeers, 'forgetLabels'>,
    /** Of message ids. */
    private readonly digest: KeyedDigest,
  ) {}

  async run(attempt: Attempt, row: PersonRequestRow): Promise<Erased> {
    const { workspaceId } = attempt;
    const person = await this.database.onConnection(workspaceId, (client) => subjectsOf(client, workspaceId, row));
    await this.forgetLabels(attempt, person);
    const before = await this.forgetMentions(attempt, person);
    const rejected = await this.emptyQuarantine(attempt, person);
    // Before the subjects go, without which a later attempt would not find the files.
    await this.forgetArchived(attempt, person);
    // An archive may have been restored meanwhile.
    const mentions = before + (await this.forgetMentions(attempt, person));
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(CLOSE_IDENTITY_GATE, [workspaceId]);
      // Who they are now: something may have been merged or archived meanwhile.
      const now = await subjectsOf(client, workspaceId, row);
      const left = await client.query('SELECT FROM ingestion.archived_subjects WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[]) LIMIT 1', [workspaceId, now.subjectIds]);
      if (left.rowCount !== 0) throw new PersonArchivedMeanwhile();
      await this.endFiles(client, attempt, await importsOfEvents(client, workspaceId, now.subjectIds));
      const { deleted, first } = await this.empty(client, workspaceId, now);
      const exportIds = await this.forgetExports(client, workspaceId, now.customerIds);
      await client.query(
        `INSERT INTO ingestion.erased_customers (workspace_id, customer_id, request_id) SELECT $1, id, $3 FROM unnest($2::uuid[]) AS id ON CONFLICT DO NOTHING`,
        [workspaceId, now.customerIds, attempt.id],
      );
      const counts = { ...deleted, 'ingestion.rejected_events': rejected + deleted['ingestion.rejected_events'], 'ingestion.events (ids taken out)': mentions };
      return { row: await this.requests.addErased(client, attempt, { customerIds: now.customerIds, deleted: counts, first }), exportIds };
    });
  }

  /** They are kept by user id: while it is still known which are the person's. */
  private async forgetLabels(attempt: Attempt, { customerIds, userIds }: PersonSubjects): Promise<void> {
    const labels = await this.peers.forgetLabels(attempt.workspaceId, userIds);
    if (labels === 0) return;
    await this.database.onConnection(attempt.workspaceId, (client) =>
      this.requests.addErased(client, attempt, { customerIds, deleted: { 'training.labels': labels }, first: undefined }),
    );
  }

  /** Out of the files of archives; what was left out is counted with the file that it is missing in. */
  private async forgetArchived(attempt: Attempt, person: PersonSubjects): Promise<void> {
    await this.archives.forget(attempt.workspaceId, person, async (client, gone) => {
      await client.query(CLOSE_IDENTITY_GATE, [attempt.workspaceId]);
      const deleted = {
        ...(await this.forgetMessages(client, attempt.workspaceId, gone.messageIds)),
        'ingestion.event_archives (events)': gone.events,
        'ingestion.event_archives (ids taken out)': gone.mentions,
        'ingestion.event_archives (files written anew)': 1,
      };
      await this.requests.addErased(client, attempt, { customerIds: person.customerIds, deleted, first: firstOf(gone) });
      await this.endFiles(client, attempt, gone.imports);
    });
  }

  private async empty(client: PoolClient, workspaceId: string, { subjectIds }: PersonSubjects): Promise<{ deleted: ByMessage & Record<string, number>; first: Position | undefined }> {
    const values = [workspaceId, subjectIds];
    const first = await client.query<{ horizon: string; sequence: string }>(
      'SELECT horizon, sequence FROM ingestion.events WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[]) ORDER BY horizon, sequence LIMIT 1',
      values,
    );
    const events = await client.query<{ message_id: string }>('DELETE FROM ingestion.events WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[]) RETURNING message_id', values);
    const messageIds = events.rows.map(({ message_id }) => message_id);
    const deleted: ByMessage & Record<string, number> = { 'ingestion.events': messageIds.length, ...(await this.forgetMessages(client, workspaceId, messageIds)) };
    for (const [table, where] of Object.entries(BY_SUBJECT)) {
      deleted[table] = (await client.query(`DELETE FROM ${table} WHERE workspace_id = $1 AND (${where})`, values)).rowCount ?? 0;
    }
    const place = first.rows[0];
    return { deleted, first: place && { horizon: Number(place.horizon), sequence: Number(place.sequence) } };
  }

  /**
   * What is known by the message ids of events that go. Of the ids themselves digests stay, so that a retry brings nothing
   * back: from the moment on at which the events are gone, hence with the gate closed.
   */
  private async forgetMessages(client: PoolClient, workspaceId: string, messageIds: readonly string[]): Promise<ByMessage> {
    const values = [workspaceId, messageIds];
    const duplicates = await deleteCounted(client, 'ingestion.duplicate_events', 'message_id = ANY ($2::text[])', values);
    const rejected = await deleteCounted(client, 'ingestion.rejected_events', 'message_id = ANY ($2::text[])', values);
    await client.query(withoutExamples('SELECT unnest($2::text[])'), values);
    await eraseMessageIds(client, workspaceId, messageIds, this.digest);
    return { 'ingestion.duplicate_events': duplicates, 'ingestion.rejected_events': rejected };
  }

  /**
   * Others' events that carry an id of the person beside their own, on a shared device: the id is taken out. Looked for
   * before anything is written, for these columns have no index and a transaction that writes holds back the feed.
   */
  private async forgetMentions(attempt: Attempt, { subjectIds, userIds, anonymousIds }: PersonSubjects): Promise<number> {
    const { workspaceId } = attempt;
    return this.database.onConnection(workspaceId, async (client) => {
      const found = await client.query<{ horizon: string; sequence: string; occurred_at: string; import_id: string | null }>(
        `SELECT horizon, sequence, occurred_at::text, import_id FROM ingestion.events
         WHERE workspace_id = $1 AND (subject_id IS NULL OR subject_id <> ALL ($2::uuid[]))
           AND (anonymous_id = ANY ($3::text[]) OR previous_id = ANY ($3::text[]) OR previous_id = ANY ($4::text[]))`,
        [workspaceId, subjectIds, anonymousIds, userIds],
      );
      if (found.rows.length === 0) return 0;
      await this.endFiles(client, attempt, [...new Set(found.rows.flatMap(({ import_id }) => import_id ?? []))]);
      const { rowCount } = await client.query(
        `UPDATE ingestion.events e SET anonymous_id = CASE WHEN e.anonymous_id = ANY ($3::text[]) THEN NULL ELSE e.anonymous_id END,
           previous_id = CASE WHEN e.previous_id = ANY ($3::text[] || $4::text[]) THEN NULL ELSE e.previous_id END
         FROM json_to_recordset($2::json) AS r (horizon bigint, sequence bigint, occurred_at timestamptz)
         WHERE e.workspace_id = $1 AND e.horizon = r.horizon AND e.sequence = r.sequence AND e.occurred_at = r.occurred_at`,
        [workspaceId, JSON.stringify(found.rows), anonymousIds, userIds],
      );
      return rowCount ?? 0;
    });
  }

  private async emptyQuarantine(attempt: Attempt, person: PersonSubjects): Promise<number> {
    const { workspaceId } = attempt;
    return this.database.onConnection(workspaceId, async (client) => {
      const ids = await refusedIds(client, workspaceId, person);
      await this.endFiles(client, attempt, await importsOfRefused(client, workspaceId, ids));
      await client.query(withoutExamples('SELECT message_id FROM ingestion.rejected_events WHERE workspace_id = $1 AND id = ANY ($2::uuid[])'), [workspaceId, ids]);
      // Those too of which a replay made an event of theirs, whatever they say.
      const replayed = 'stored_message_id IN (SELECT message_id FROM ingestion.events WHERE workspace_id = $1 AND subject_id = ANY ($3::uuid[]))';
      return deleteCounted(client, 'ingestion.rejected_events', `(id = ANY ($2::uuid[]) OR ${replayed})`, [workspaceId, ids, person.subjectIds]);
    });
  }

  /** The uploaded files that the person came in with: they are removed once all else is done, and those that an import still reads when it has ended. */
  private async endFiles(client: PoolClient, attempt: Attempt, importIds: readonly string[]): Promise<void> {
    if (importIds.length === 0) return;
    const { free, inUse } = await this.files.endOf(client, attempt.workspaceId, importIds);
    const deleted = {
      ...(free === 0 ? {} : { 'ingestion.imports (uploaded files)': free }),
      ...(inUse === 0 ? {} : { 'ingestion.imports (uploaded files, when their import has ended)': inUse }),
    };
    if (free + inUse > 0) await this.requests.addErased(client, attempt, { customerIds: [], deleted, first: undefined });
  }

  private async forgetExports(client: PoolClient, workspaceId: string, customerIds: readonly string[]): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>(
      `UPDATE ingestion.person_requests SET artifact = NULL WHERE workspace_id = $1 AND kind = 'EXPORT' AND customer_ids && $2::uuid[] RETURNING id`,
      [workspaceId, customerIds],
    );
    return rows.map(({ id }) => id);
  }
}

function firstOf({ horizon, sequence }: ForgottenRows): Position | undefined {
  return horizon === null || sequence === null ? undefined : { horizon: Number(horizon), sequence: Number(sequence) };
}

/** What the ledger counted of a table's row. */
const COUNTED = {
  'ingestion.duplicate_events': { columns: 'received_at', duplicate: '1', rejected: '0' },
  'ingestion.rejected_events': { columns: 'received_at, unit, state', duplicate: '0', rejected: `CASE WHEN unit = 'EVENT' AND state <> 'REPLAYED' THEN 1 ELSE 0 END` },
} as const;

/** Deletes rows and remembers by hour of arrival how many the ledger had counted: it is recounted from what is left and these. */
async function deleteCounted(client: PoolClient, table: keyof typeof COUNTED, where: string, values: readonly unknown[]): Promise<number> {
  const { columns, duplicate, rejected } = COUNTED[table];
  const { rows } = await client.query<{ deleted: string }>(
    `WITH gone AS (
       DELETE FROM ${table} WHERE workspace_id = $1 AND ${where} RETURNING ${columns}
     ), remembered AS (
       INSERT INTO ingestion.ledger_erasures AS e (workspace_id, hour, duplicate, rejected)
       SELECT $1, date_trunc('hour', received_at, 'UTC'), sum(${duplicate}), sum(${rejected}) FROM gone GROUP BY 2 ORDER BY 2
       ON CONFLICT (workspace_id, hour) DO UPDATE SET duplicate = e.duplicate + excluded.duplicate, rejected = e.rejected + excluded.rejected
     )
     SELECT count(*) AS deleted FROM gone`,
    [...values],
  );
  return Number(rows[0]?.deleted);
}
