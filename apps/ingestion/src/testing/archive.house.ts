import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { v7 as uuid } from 'uuid';

import { type ArtifactStore, openArtifactStore } from '#libs/artifacts';
import { PrincipalSigner } from '#libs/auth';
import type { ingestion, person, retention } from '#libs/contracts';
import { type Database, openDatabase } from '#libs/database';

import type { ExecutionRooms } from '../archive/archive.execution.js';
import { rowsOf } from '../archive/archive.file.js';
import { ArchiveRepository } from '../archive/archive.repository.js';
import { ArchiveRequestRepository } from '../archive/archive.request.repository.js';
import type { EventStore } from '../event/event.store.js';
import { Scratch } from '../scratch/scratch.js';
import { type IngestionUnderTest, OTHER_WORKSPACE, SECRET, startIngestion, WORKSPACE } from './ingestion-under-test.js';
import { type PeersStandIn, startPeersStandIn } from './peers-stand-in.js';

/** Ingestion that archives what has just come in, and what is looked at then. */
export class ArchiveHouse {
  private count = 0;

  private constructor(
    private readonly peers: PeersStandIn,
    readonly kindred: IngestionUnderTest,
    readonly database: Database,
    readonly artifacts: ArtifactStore,
    /** An admin of the other workspace. */
    readonly otherCall: { readonly principal: string },
  ) {}

  /** With its artefacts there, else in a folder of its own. */
  static async open(artifactUrl?: string, environment: Record<string, string> = {}): Promise<ArchiveHouse> {
    const peers = await startPeersStandIn();
    const where = artifactUrl === undefined ? {} : { ARTIFACT_URL: artifactUrl };
    const kindred = await startIngestion({ SERVING_ADDRESS: peers.address, TRAINING_ADDRESS: peers.address, ARCHIVE_SETTLE_SECONDS: '0', ...where, ...environment });
    const otherCall = { principal: await new PrincipalSigner(SECRET).sign({ workspaceId: OTHER_WORKSPACE, actor: 'key:other', role: 'ADMIN' }) };
    const database = openDatabase({ url: kindred.platform.databaseUrl, service: 'ingestion', connections: 3 });
    return new ArchiveHouse(peers, kindred, database, openArtifactStore(artifactUrl ?? kindred.platform.artifactUrl), otherCall);
  }

  get call(): { readonly principal: string } {
    return { principal: this.kindred.principal };
  }

  /** Only archiving and restoring are worked off in them; replays run in the service. */
  get rooms(): ExecutionRooms {
    return {
      archives: new ArchiveRepository(this.database), requests: new ArchiveRequestRepository(this.database), artifacts: this.artifacts, scratch: { workDir: tmpdir(), memory: '256MB' },
      store: undefined as unknown as EventStore, hint: () => undefined, settleMs: 0,
    };
  }

  async send(events: object[], as = this.call): Promise<ingestion.EventResult[]> {
    const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `archive-${this.count++}`, ...event })));
    return (await this.kindred.events.trackEvents({ events: encoded, sentAt: undefined }, as)).results;
  }

  async ended(request: retention.ArchiveRequest | undefined): Promise<retention.ArchiveRequest> {
    for (;;) {
      const now = (await this.kindred.retention.getArchiveRequest({ id: request?.id ?? '' }, this.call)).request;
      if (now?.finishedAt) return now;
      await wait(20);
    }
  }

  async archive(before: string): Promise<retention.ArchiveRequest> {
    return this.ended((await this.kindred.retention.archiveEvents({ before }, this.call)).request);
  }

  /** A request that the service does not know of: nobody takes it up. */
  async waitingRequest(before: string): Promise<string> {
    const id = uuid();
    await this.kindred.sql.query(
      `INSERT INTO ingestion.archive_requests (workspace_id, id, kind, state, requested_by, archive_before) VALUES ($1, $2, 'ARCHIVE', 'QUEUED', 'key:test', $3)`,
      [WORKSPACE, id, before],
    );
    return id;
  }

  async archives(): Promise<retention.EventArchive[]> {
    return (await this.kindred.retention.listEventArchives({ page: { first: 100, after: '' } }, this.call)).archives;
  }

  async archiveOfMonth(start: string): Promise<retention.EventArchive> {
    return (await this.archives()).find(({ periodStart }) => periodStart?.startsWith(start)) as retention.EventArchive;
  }

  /** Where the files of all archives lie, or those of one. */
  folder(archiveId = ''): string {
    return join(fileURLToPath(this.kindred.platform.artifactUrl), WORKSPACE, 'archives', archiveId);
  }

  async customer(userId: string): Promise<ingestion.Customer | undefined> {
    return (await this.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: userId } }, this.call)).customer;
  }

  /** Of a month, in the table. */
  async rowsOfMonth(month: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.kindred.sql.query<Record<string, unknown>>(
      `SELECT * FROM ingestion.events WHERE workspace_id = $1 AND to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') = $2 ORDER BY sequence`, [WORKSPACE, month],
    );
    return rows;
  }

  /** Of an archive, in its file. */
  async rowsIn(archiveId: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.kindred.sql.query<{ artifact: string }>('SELECT artifact FROM ingestion.event_archives WHERE id = $1', [archiveId]);
    return this.rowsOfFiles([await this.artifacts.localFile(rows[0]?.artifact ?? '')]);
  }

  /** Until it has ended, however it did. */
  async askForPerson(kind: person.PersonRequestKind, userId: string): Promise<person.PersonRequest> {
    const { request } = await this.kindred.persons.startPersonRequest({ kind, person: { $case: 'userId', value: userId } }, this.call);
    for (;;) {
      const now = (await this.kindred.persons.getPersonRequest({ id: request?.id ?? '' }, this.call)).request;
      if (now?.finishedAt) return now;
      await wait(20);
    }
  }

  /** All events of a snapshot that is made now, each as JSON. */
  async snapshotEvents(): Promise<string[]> {
    for await (const { event } of this.kindred.snapshots.createSnapshot({ requestId: randomUUID(), position: undefined }, this.call)) {
      if (event?.$case !== 'snapshot') continue;
      const folder = fileURLToPath(event.value.uri);
      const { shards } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { shards: { path: string }[] };
      return (await this.rowsOfFiles(shards.map(({ path }) => join(folder, path)))).map((row) => JSON.stringify(row));
    }
    throw new Error('no snapshot');
  }

  /** All of a customer's events, read in pages of two, and how many there are said to be. */
  async lifeOf(customerId: string): Promise<{ events: ingestion.Event[]; total: number | undefined }> {
    const events: ingestion.Event[] = [];
    for (let after = ''; ; ) {
      const page = await this.kindred.eventsOf(customerId, { first: 2, after });
      events.push(...page.events);
      if (!page.pageInfo?.hasNextPage) return { events, total: page.pageInfo?.totalCount };
      after = page.pageInfo.endCursor;
    }
  }

  async receipt(messageId: string): Promise<ingestion.EventReceipt | undefined> {
    return (await this.kindred.events.getEventReceipt({ messageId }, this.call)).receipt;
  }

  ledger(as = this.call): Promise<ingestion.GetEventLedgerResponse> {
    return this.kindred.events.getEventLedger({ from: undefined, to: undefined }, as);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.kindred.close();
    this.peers.close();
  }

  private async rowsOfFiles(files: readonly string[]): Promise<Record<string, unknown>[]> {
    const scratch = await Scratch.open(this.rooms.scratch);
    try {
      return await scratch.rows(`SELECT * FROM ${rowsOf([...files])} ORDER BY sequence`);
    } finally {
      await scratch.close();
    }
  }
}

/** Two days of a month, two people. */
export const month = (text: string, who: string): object[] => [
  { userId: `${who}-a`, messageId: `${who}-first`, timestamp: `${text}-03T10:00:00.250Z`, event: 'Line\nbreak "quoted", and more', properties: { revenue: 2.5, empty: '', nested: { 'odd "key"': [1, null] } } },
  { userId: `${who}-a`, anonymousId: `${who}-device`, timestamp: `${text}-04T10:00:00Z`, context: { page: { url: 'https://example.org' } } },
  { type: 'identify', userId: `${who}-b`, timestamp: `${text}-05T10:00:00Z`, traits: { plan: 'free' } },
  { userId: `${who}-b`, timestamp: `${text}-06T10:00:00Z` },
];
