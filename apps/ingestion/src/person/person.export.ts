import { Readable } from 'node:stream';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import type { Attempt } from '#libs/queue';

import type { ArchivedLine, PersonArchives } from '../archive/archive.person.js';
import { isoMicros } from '../page.js';
import type { PersonPeers } from './person.peers.js';
import type { PersonRequestRow, TableRows } from './person.repository.js';
import { refusedRecords } from './person.refused.js';
import { type PersonSubjects, subjectsOf } from './person.subjects.js';

const EVENTS_AT_ONCE = 2_000;

interface EventLine {
  occurred_at: string;
  sequence: string;
  line: string;
}

// In Segment's form; what is null is left out, but for what the sender's own objects hold.
const EVENTS = `
  SELECT ${isoMicros('occurred_at')} AS occurred_at, sequence, (
    jsonb_strip_nulls(jsonb_build_object(
      'type', type, 'messageId', message_id, 'userId', user_id, 'anonymousId', anonymous_id, 'groupId', group_id, 'previousId', previous_id,
      'event', CASE type WHEN 'track' THEN name END, 'timestamp', ${isoMicros('occurred_at')}, 'receivedAt', ${isoMicros('received_at')}))
    || jsonb_build_object(CASE WHEN type IN ('identify', 'group') THEN 'traits' ELSE 'properties' END, properties)
    || CASE WHEN context IS NULL THEN '{}' ELSE jsonb_build_object('context', context) END)::text AS line
  FROM ingestion.events
  WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[]) AND ($3::timestamptz IS NULL OR (occurred_at, sequence) > ($3::timestamptz, $4::bigint))
  ORDER BY occurred_at, sequence LIMIT $5`;

/** Where the files of a request lie. */
export const exportFolder = (workspaceId: string, requestId: string) => [workspaceId, 'exports', requestId].join('/');

/** Everything about a person as one file: NDJSON, events in Segment's form. */
export class PersonExport {
  constructor(
    private readonly database: Database,
    private readonly artifacts: ArtifactStore,
    private readonly peers: PersonPeers,
    private readonly archives: PersonArchives,
  ) {}

  async run({ workspaceId, id, fence }: Attempt, row: PersonRequestRow): Promise<{ artifact: string; person: PersonSubjects; tables: TableRows }> {
    const person = await this.database.onConnection(workspaceId, (client) => subjectsOf(client, workspaceId, row));
    const tables: Record<string, number> = {};
    // A file is written once: each attempt has its own.
    const stored = await this.artifacts.write({ workspaceId, area: 'exports', id, name: `person-${fence}.ndjson` }, Readable.from(this.lines(workspaceId, person, tables)));
    return { artifact: stored.path, person, tables };
  }

  private async *lines(workspaceId: string, person: PersonSubjects, tables: Record<string, number>): AsyncGenerator<string> {
    const line = (value: object) => `${JSON.stringify(value)}\n`;
    const { merges, attributes } = await this.identity(workspaceId, person);
    tables['ingestion.subjects'] = person.subjectIds.length;
    tables['ingestion.customer_merges'] = merges.length;
    tables['ingestion.subject_attributes'] = attributes.length;
    yield line({ record: 'identity', customerIds: person.customerIds, userIds: person.userIds, anonymousIds: person.anonymousIds, merges });
    yield line({ record: 'attributes', attributes });
    yield line({ record: 'memberships', memberships: await this.peers.membershipsOf(workspaceId, person.customerIds) });
    const [labels, predictions] = [await this.peers.labelsOf(workspaceId, person.userIds), await this.peers.predictionsOf(workspaceId, person.customerIds)];
    tables['training.labels'] = labels.length;
    tables['serving.predictions'] = predictions.length;
    yield line({ record: 'labels', labels });
    yield line({ record: 'predictions', predictions });
    tables['serving.membership_changes'] = 0;
    for await (const changes of this.peers.membershipChangesOf(workspaceId, person.customerIds)) {
      tables['serving.membership_changes'] += changes.length;
      yield changes.map((change) => line({ record: 'membershipChange', ...change })).join('');
    }
    tables['ingestion.rejected_events'] = 0;
    for await (const refused of refusedRecords(this.database, workspaceId, person)) {
      tables['ingestion.rejected_events']++;
      yield line(refused);
    }
    tables['ingestion.event_archives (events)'] = 0;
    for await (const events of this.archives.events(workspaceId, person.subjectIds)) {
      tables['ingestion.event_archives (events)'] += events.length;
      yield events.map((event) => line(segmentForm(event))).join('');
    }
    tables['ingestion.events'] = 0;
    for await (const events of this.events(workspaceId, person.subjectIds)) {
      tables['ingestion.events'] += events.length;
      yield events.map((event) => `${event.line}\n`).join('');
    }
  }

  private async identity(workspaceId: string, { subjectIds }: PersonSubjects): Promise<{ merges: object[]; attributes: object[] }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const merges = await client.query<object>(
        `SELECT g.cause, f.external_id AS "from", i.external_id AS "into", ${isoMicros('g.occurred_at')} AS "occurredAt", ${isoMicros('g.undone_at')} AS "undoneAt"
         FROM ingestion.customer_merges g
         JOIN ingestion.subjects f ON f.workspace_id = $1 AND f.id = g.from_subject_id
         JOIN ingestion.subjects i ON i.workspace_id = $1 AND i.id = g.into_subject_id
         WHERE g.workspace_id = $1 AND g.from_subject_id = ANY ($2::uuid[]) AND g.into_subject_id = ANY ($2::uuid[]) ORDER BY g.id`,
        [workspaceId, subjectIds],
      );
      const attributes = await client.query<object>(
        `SELECT s.external_id AS "of", t.name, t.value, ${isoMicros('t.occurred_at')} AS "occurredAt"
         FROM ingestion.subject_attributes t JOIN ingestion.subjects s ON s.workspace_id = $1 AND s.id = t.subject_id
         WHERE t.workspace_id = $1 AND t.subject_id = ANY ($2::uuid[]) ORDER BY t.name, t.occurred_at`,
        [workspaceId, subjectIds],
      );
      return { merges: merges.rows, attributes: attributes.rows };
    });
  }

  /** In order of time, page by page: a long history is never held whole. */
  private async *events(workspaceId: string, subjectIds: readonly string[]): AsyncGenerator<EventLine[]> {
    for (let after: EventLine | undefined; ; ) {
      const rows = await this.database.onConnection(workspaceId, async (client) => {
        const values = [workspaceId, subjectIds, after?.occurred_at ?? null, after?.sequence ?? null, EVENTS_AT_ONCE];
        return (await client.query<EventLine>(EVENTS, values)).rows;
      });
      if (rows.length > 0) yield rows;
      if (rows.length < EVENTS_AT_ONCE) return;
      after = rows.at(-1);
    }
  }
}

/** An archived event as the query above writes it of one in Postgres. */
function segmentForm({ type, name, properties, context, ...event }: ArchivedLine): object {
  const said = {
    type, messageId: event.message_id, userId: event.user_id, anonymousId: event.anonymous_id, groupId: event.group_id, previousId: event.previous_id,
    event: type === 'track' ? name : null, timestamp: event.occurred_at, receivedAt: event.received_at,
  };
  return {
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)),
    [type === 'identify' || type === 'group' ? 'traits' : 'properties']: JSON.parse(properties) as unknown,
    ...(context === null ? {} : { context: JSON.parse(context) as unknown }),
  };
}
