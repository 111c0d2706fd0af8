import type { PoolClient } from 'pg';

import type { ArtifactStore } from '#libs/artifacts';

import { type ArchivedEvent, type ArchivedScope, readArchived } from './archive.reader.js';

/** Behaviour events that lie in Postgres, as ingestion publishes them. */
export const FEED = 'ingestion.event_feed_v1';
const COLUMNS = 'workspace_id, horizon, sequence, event_id, customer_id, subject_id, type, name, occurred_at, received_at, properties';
/** The same and those that were brought from archives, once `bring` was called in the transaction. */
export const HISTORY = `(select ${COLUMNS} from ${FEED} union all select ${COLUMNS} from pg_temp.archived_events)`;

/**
 * Of the present workspace, until the transaction ends: held shared by whoever reads archives and events as one, and
 * alone by whoever moves events between them or removes files.
 */
const archives = `hashtextextended('archives:' || kindred.workspace()::text, 0)`;
export const SHARE_ARCHIVES = `select pg_advisory_xact_lock_shared(${archives})`;
export const CLOSE_ARCHIVES = `select pg_advisory_xact_lock(${archives})`;

/** Beyond every event of the time that it goes with: what lies before the two happened at that time or earlier. */
export const LAST_SEQUENCE = '9223372036854775807';

/** Which events a statement is about. What is left out does not narrow. */
export interface EventScope extends ArchivedScope {
  /** Whose; only their subjects are looked for in the files. */
  readonly customerIds?: readonly string[] | undefined;
}

/** An archive that may hold events of a scope; where the scope has customers or subjects, of one of these. */
export interface Archived {
  readonly artifact: string;
  readonly sha256: string;
  readonly customerId: string | null;
  readonly subjectId: string | null;
  /** Microseconds since 1970: of the subject's last event in it. */
  readonly lastAt: number | null;
}

const REACHING = `($1::timestamptz is null or a.period_end > $1) and ($2::timestamptz is null or a.period_start <= $2) and ($3::text[] is null or a.names is null or a.names && $3)`;
const ALL = `select a.artifact, a.sha256, null as "customerId", null as "subjectId", null as "lastAt" from ingestion.event_archives_v1 a where ${REACHING}`;
const OF_SOME = `select a.artifact, a.sha256, s.customer_id as "customerId", s.subject_id as "subjectId", (extract(epoch from s.last_occurred_at) * 1000000)::float8 as "lastAt"
  from ingestion.archived_subjects_v1 s join ingestion.event_archives_v1 a on a.archive_id = s.archive_id
  where (s.customer_id = any($4::uuid[]) or s.subject_id = any($5::uuid[])) and (s.behaviour_events > 0 or not $6) and ${REACHING}`;
const CREATE = `create temp table if not exists archived_events (
    workspace_id uuid, horizon bigint, sequence bigint, event_id uuid, customer_id uuid, subject_id uuid, type text, name text collate "C", message_id text,
    occurred_at timestamptz, received_at timestamptz, time_clamped boolean, properties jsonb) on commit drop`;
const INDEX = 'create index if not exists archived_events_customer on pg_temp.archived_events (customer_id)';
const BROUGHT = `insert into pg_temp.archived_events
  select kindred.workspace(), r.horizon, r.sequence, r.event_id, m.customer_id, r.subject_id, r.type, r.name, r.message_id, r.occurred_at, r.received_at, r.time_clamped, r.properties::jsonb
  from json_to_recordset($1::json) as r(horizon bigint, sequence bigint, event_id uuid, subject_id uuid, type text, name text, message_id text,
    occurred_at timestamptz, received_at timestamptz, time_clamped boolean, properties text)
  join ingestion.subject_customers_v1 m on m.subject_id = r.subject_id`;
/** A transaction that says nothing while files are read is not taken for one whose process is paused. */
const READING_MAY_TAKE = `set local idle_in_transaction_session_timeout = '2min'`;

/**
 * Events as one, wherever they lie: those that went to files are brought into the transaction that asks for them, and
 * what reads them is the same SQL as before. Nobody else knows where an event lies.
 */
export class EventHistory {
  constructor(private readonly artifacts: ArtifactStore) {}

  /** What a statement of this scope is to read from: the feed alone, or both where archives reach into the scope. Throws the reason of `signal` between two files or pieces of one. */
  async open(client: PoolClient, scope: EventScope, signal?: AbortSignal): Promise<typeof FEED | typeof HISTORY> {
    const archived = await this.reaching(client, scope);
    if (archived.length === 0) return FEED;
    await this.bring(client, archived, scope, signal);
    return HISTORY;
  }

  /** Archives that reach into a scope. From here to the end of the transaction no event moves to or from one. */
  async reaching(client: PoolClient, { customerIds, subjectIds, since, before, names, isBehaviour = false }: EventScope): Promise<Archived[]> {
    const when = [since ?? null, before?.at ?? null, names ?? null];
    const isOfAll = customerIds === undefined && subjectIds === undefined;
    const list = isOfAll ? { text: ALL, values: when } : { text: OF_SOME, values: [...when, customerIds ?? [], subjectIds ?? [], isBehaviour] };
    // The list is of a moment at which the lock is held, so it is a statement of its own.
    await client.query(SHARE_ARCHIVES);
    return (await client.query<Archived>(list.text, list.values)).rows;
  }

  /** Puts what these archives hold of a scope in the place of what was brought before in this transaction. */
  async bring(client: PoolClient, archived: readonly Archived[], scope: EventScope, signal?: AbortSignal): Promise<void> {
    await client.query(READING_MAY_TAKE);
    await client.query(CREATE);
    await client.query(INDEX);
    await client.query('truncate pg_temp.archived_events');
    for await (const events of this.read(archived, scope, signal)) {
      signal?.throwIfAborted();
      await client.query(BROUGHT, [JSON.stringify(events)]);
    }
  }

  /** What these archives hold of a scope, in pieces. */
  protected async *read(archived: readonly Archived[], scope: EventScope, signal?: AbortSignal): AsyncGenerator<readonly ArchivedEvent[]> {
    const checked = new Map(archived.map(({ artifact, sha256 }) => [artifact, sha256]));
    const files: string[] = [];
    for (const [artifact, sha256] of checked) {
      signal?.throwIfAborted();
      files.push(await this.artifacts.checkedFile(artifact, sha256));
    }
    if (files.length === 0) return;
    const found = [...new Set(archived.flatMap(({ subjectId }) => subjectId ?? []))];
    const subjectIds = found.length === 0 ? undefined : found;
    yield* readArchived(files, { ...scope, subjectIds });
  }
}
