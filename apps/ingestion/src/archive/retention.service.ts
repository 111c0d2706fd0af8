import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import { type KeyRing, mayAct } from '#libs/auth';
import { RpcError, status } from '#libs/grpc';
import type { JobQueue, RequestPayload } from '#libs/queue';

import { type Cut, UUID } from '../page.js';
import type { ArchiveRepository, ArchiveRow, Period } from './archive.repository.js';
import type { ArchiveRequestRepository, ArchiveRequestRow, NewArchiveRequest } from './archive.request.repository.js';
import type { RetentionPolicy, RetentionRepository } from './retention.repository.js';

const MOST_DAYS = 36_500;

/** Where retention keeps and asks for things. */
export interface RetentionRooms {
  readonly policies: RetentionRepository;
  readonly archives: ArchiveRepository;
  readonly requests: ArchiveRequestRepository;
  readonly queue: JobQueue<RequestPayload>;
  readonly keys: KeyRing;
  /** What arrived later than this long ago is not archived yet. */
  readonly settleMs: number;
}

/** Who asks. */
interface Asker {
  readonly workspaceId: string;
  readonly actor: string;
}

/** How long events stay where, and what is asked to become of them. */
export class RetentionService {
  constructor(
    private readonly rooms: RetentionRooms,
    private readonly log: Logger,
  ) {}

  policy(workspaceId: string): Promise<RetentionPolicy> {
    return this.rooms.policies.find(workspaceId);
  }

  async setPolicy({ workspaceId, actor }: Asker, policy: RetentionPolicy): Promise<RetentionPolicy> {
    const { archiveAfterDays, dropAfterDays } = policy;
    for (const days of [archiveAfterDays, dropAfterDays]) if (days !== null && days > MOST_DAYS) throw invalid(`At most ${MOST_DAYS} days.`);
    if (dropAfterDays !== null && archiveAfterDays === null) throw invalid('What is dropped is archived before: say archiveAfterDays too.');
    if (dropAfterDays !== null && archiveAfterDays !== null && dropAfterDays < archiveAfterDays) throw invalid('dropAfterDays must not be less than archiveAfterDays.');
    await this.rooms.policies.set(workspaceId, policy, actor);
    return policy;
  }

  listArchives(workspaceId: string, cut: Cut): Promise<{ rows: ArchiveRow[]; total: number }> {
    return this.rooms.archives.list(workspaceId, cut);
  }

  async archive({ workspaceId, actor }: Asker, before: string): Promise<ArchiveRequestRow> {
    await this.checkDue(workspaceId, before);
    const row = await this.start(workspaceId, actor, before, null);
    if (!row) throw RpcError.precondition('Another request archives events just now. Wait for it, or cancel it.', { reason: 'ARCHIVING_ACTIVE' });
    return row;
  }

  /** A request that would find nothing is refused, and told what there is. */
  private async checkDue(workspaceId: string, before: string): Promise<void> {
    const { archives, settleMs } = this.rooms;
    const settledBefore = new Date(Date.now() - settleMs);
    const { isDue, oldest } = await archives.outlook(workspaceId, before, settledBefore);
    if (!isDue) throw RpcError.precondition(`There is nothing to archive. ${whyNothing(oldest, before, settledBefore)}`, { reason: 'NOTHING_TO_ARCHIVE' });
  }

  /** Undefined: another request archives already. */
  start(workspaceId: string, requestedBy: string, archiveBefore: string, dropBefore: string | null): Promise<ArchiveRequestRow | undefined> {
    return this.insert(workspaceId, { id: uuid(), kind: 'ARCHIVE', requestedBy, archiveBefore, dropBefore });
  }

  async replay({ workspaceId, actor }: Asker, archiveId: string, writeKey: string): Promise<ArchiveRequestRow> {
    const archive = await this.known(workspaceId, archiveId);
    if (archive.state !== 'ARCHIVED') throw nothingIn('replay');
    const row = await this.insert(workspaceId, { id: uuid(), kind: 'REPLAY', requestedBy: actor, archiveId, intoWorkspaceId: this.targetOf(workspaceId, writeKey) });
    if (!row) throw new Error('a replay was not kept');
    return row;
  }

  /** One restore of an archive is enough, however often it is asked for. */
  async restore({ workspaceId, actor }: Asker, archiveId: string, keepDays: number): Promise<ArchiveRequestRow> {
    if (keepDays > MOST_DAYS) throw invalid(`At most ${MOST_DAYS} days.`);
    const { state } = await this.known(workspaceId, archiveId);
    const before = await this.rooms.requests.restoring(workspaceId, archiveId);
    if (before) return before;
    if (state !== 'ARCHIVED') throw nothingIn('restore');
    const row = await this.insert(workspaceId, { id: uuid(), kind: 'RESTORE', requestedBy: actor, archiveId, keepDays });
    return row ?? this.restore({ workspaceId, actor }, archiveId, keepDays);
  }

  async request(workspaceId: string, id: string): Promise<ArchiveRequestRow> {
    const row = UUID.test(id) ? await this.rooms.requests.find(workspaceId, id) : undefined;
    if (!row) throw RpcError.notFound(`There is no request ${id}.`, { reason: 'ARCHIVE_REQUEST_UNKNOWN' });
    return row;
  }

  listRequests(workspaceId: string, cut: Cut): Promise<{ rows: ArchiveRequestRow[]; total: number }> {
    return this.rooms.requests.list(workspaceId, cut);
  }

  async cancel(workspaceId: string, id: string): Promise<ArchiveRequestRow> {
    await this.request(workspaceId, id);
    const row = await this.rooms.requests.cancel(workspaceId, id);
    if (!row) throw RpcError.precondition('This request has ended already.', { reason: 'ARCHIVE_REQUEST_ENDED' });
    return row;
  }

  private async known(workspaceId: string, archiveId: string): Promise<ArchiveRow> {
    const archive = UUID.test(archiveId) ? await this.rooms.archives.find(workspaceId, archiveId) : undefined;
    if (!archive) throw RpcError.notFound('There is no such archive.', { reason: 'ARCHIVE_UNKNOWN' });
    return archive;
  }

  /** The workspace that a key may write to; without a key the asker's own. */
  private targetOf(workspaceId: string, writeKey: string): string {
    if (writeKey === '') return workspaceId;
    const principal = this.rooms.keys.identify(writeKey);
    if (principal && mayAct(principal.role, 'INTAKE')) return principal.workspaceId;
    throw new RpcError(status.PERMISSION_DENIED, 'writeKey is no key that may write events. Give one of the workspace to replay into.', { reason: 'KEY_REFUSED' });
  }

  private async insert(workspaceId: string, request: NewArchiveRequest): Promise<ArchiveRequestRow | undefined> {
    const row = await this.rooms.requests.insert(workspaceId, request);
    if (!row) return undefined;
    await this.rooms.queue
      .enqueue({ workspaceId, requestId: row.id })
      .catch((error: unknown) => this.log.warn({ err: error, requestId: row.id }, 'the request waits for the queue'));
    return row;
  }
}

function whyNothing(oldest: Period | undefined, before: string, settledBefore: Date): string {
  if (!oldest) return 'No events are in the database: none came, or all lie in archives.';
  if (Date.parse(oldest.period_end) > Date.parse(before)) return `The oldest events are of a month that ends at ${oldest.period_end}, and only months that ended by ${before} were asked for.`;
  return `Events of months that ended by then arrived after ${settledBefore.toISOString()}: they wait until who follows the feed has read them (ARCHIVE_SETTLE_SECONDS).`;
}

const nothingIn = (what: string) =>
  RpcError.precondition(`This archive was dropped or restored, or is not complete yet: there is nothing to ${what}.`, { reason: 'ARCHIVE_DROPPED' });
const invalid = (message: string) => RpcError.invalid(message, { reason: 'RETENTION_INVALID' });
