import type { PoolClient } from 'pg';
import { v7 as uuid } from 'uuid';

import type { Database } from '#libs/database';

import { type Admission, admit } from '../identity/identity.gate.js';
import type { IdentityLimits } from '../identity/identity.limits.js';
import { identifyStaged } from '../identity/identity.store.js';
import type { KeyedDigests } from '../identity/keyed.digest.js';
import { findErased } from './erased.messages.js';
import type { IntakeEvent, Rejection } from './event.js';
import { EventPartitions } from './event.partitions.js';
import {
  CLAIM_MESSAGE_IDS,
  INSERT_DUPLICATES,
  INSERT_ERASED_DUPLICATES,
  INSERT_EVENTS,
  INSERT_LEDGER,
  INSERT_REJECTED,
  UPSERT_ATTRIBUTES,
} from './event.sql.js';
import { BY_INDEX, keepStaging, stageEvents } from './event.staging.js';

/** What is committed together, of one workspace. */
export interface EventBatch {
  readonly workspaceId: string;
  /** "http", "graphql", "grpc" or "import:<id>". */
  readonly source: string;
  readonly importId?: string;
  readonly events: readonly IntakeEvent[];
  readonly rejections: readonly Rejection[];
  /** It lies in quarantine already: what is refused again is neither kept nor counted a second time. */
  readonly isReplay?: boolean;
  /** All of it may come again: what is refused is known by its message id then, as that of a file is. */
  readonly isRepeatable?: boolean;
}

export interface StoredBatch {
  /** By place in the batch's events: true stored, false its message id was known, or it was refused. */
  readonly isStored: readonly boolean[];
  /** By the same place: why whoever it is of keeps it from being stored. */
  readonly refused: ReadonlyMap<number, Rejection>;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** Writes batches of events: one COPY, then set-based statements, in one transaction. */
export class EventStore {
  private readonly partitions: EventPartitions;

  constructor(
    private readonly database: Database,
    private readonly limits: IdentityLimits,
    private readonly digests: KeyedDigests,
  ) {
    this.partitions = new EventPartitions(database);
  }

  /** Resolves after the commit. `within` runs in the same transaction, after the events. */
  async write(batch: EventBatch, within?: (client: PoolClient, stored: StoredBatch) => Promise<void>): Promise<StoredBatch> {
    return this.partitions.having(batch.events, () => this.commit(batch, within));
  }

  /** By place: why whoever they are of would keep events from being stored now. Writes nothing. */
  async refusals(workspaceId: string, events: readonly IntakeEvent[]): Promise<ReadonlyMap<number, Rejection>> {
    return this.database.onConnection(workspaceId, async (client) => (await admit(client, { workspaceId, events, rejections: [] }, this.digests)).refused);
  }

  private async commit(batch: EventBatch, within?: (client: PoolClient, stored: StoredBatch) => Promise<void>): Promise<StoredBatch> {
    let used: PoolClient | undefined;
    const result = await this.database.onConnection(batch.workspaceId, async (client) => {
      used = client;
      const admission = await admit(client, batch, this.digests);
      const { admitted, refused, rejections: before } = admission;
      const isStored = await this.writeEvents(client, batch, admission);
      const stored = isStored.reduce((sum, one) => sum + (one ? 1 : 0), 0);
      const rejections = [...before, ...(batch.isReplay ? [] : refused.values())].map((rejection) => recognisable(rejection, batch));
      const rejected = rejections.filter(({ unit }) => unit === 'EVENT').length;
      const counts = { isStored, refused, stored, duplicate: admitted.length - stored, rejected };
      const kept = rejections.length > 0 ? await writeRejected(client, { ...batch, rejections }) : [];
      await writeLedger(client, { ...batch, rejections: kept }, counts);
      await within?.(client, counts);
      return counts;
    }, BY_INDEX);
    if (used && batch.events.length > 0) keepStaging(used);
    return result;
  }

  private async writeEvents(client: PoolClient, { workspaceId, source, importId, events }: EventBatch, { admitted, mayBeErased }: Admission): Promise<boolean[]> {
    const isStored = events.map(() => false);
    if (events.length === 0) return isStored;
    const erased = mayBeErased ? await findErased(client, workspaceId, admitted.map(({ event }) => event.messageId), this.digests.messageId) : NONE;
    const known = erased.size === 0 ? [] : admitted.filter(({ event }) => erased.has(event.messageId));
    const unknown = erased.size === 0 ? admitted : admitted.filter(({ event }) => !erased.has(event.messageId));
    await stageEvents(client, unknown.map(({ event }) => event));
    const { rows } = await client.query<{ fresh: number[] }>({ ...CLAIM_MESSAGE_IDS, values: [workspaceId] });
    const isFresh = new Set(rows[0]?.fresh);
    const fresh = unknown.flatMap(({ event }, place) => (isFresh.has(place) ? [event] : []));
    for (const [place, { ordinal }] of unknown.entries()) isStored[ordinal] = isFresh.has(place);
    if (fresh.length > 0) {
      await identifyStaged(client, workspaceId, fresh, this.limits);
      await client.query({ ...INSERT_EVENTS, values: [workspaceId, importId ?? null] });
      if (fresh.some(({ type }) => type === 'identify')) await client.query({ ...UPSERT_ATTRIBUTES, values: [workspaceId] });
    }
    if (fresh.length < unknown.length) await client.query({ ...INSERT_DUPLICATES, values: [workspaceId, source] });
    if (known.length > 0) {
      const forms = known.map(({ event }) => erased.get(event.messageId));
      await client.query({ ...INSERT_ERASED_DUPLICATES, values: [workspaceId, source, forms, known.map(({ event }) => event.receivedAt.toISOString())] });
    }
    return isStored;
  }
}

/** What the store refuses of a file, or of an archive, is known by its message id when the same file comes again, as its lines are by their place. */
function recognisable(rejection: Rejection, { importId, isRepeatable = importId !== undefined }: EventBatch): Rejection {
  if (!isRepeatable || rejection.fingerprint !== undefined || rejection.messageId === null) return rejection;
  return { ...rejection, fingerprint: `message:${rejection.messageId}` };
}

/** Answers those that were not kept before: of a file that came again there are none, and none to be counted. */
async function writeRejected(client: PoolClient, { workspaceId, source, importId, rejections }: EventBatch): Promise<Rejection[]> {
  const ids = rejections.map(() => uuid());
  const column = <T>(of: (rejection: Rejection) => T): T[] => rejections.map(of);
  const { rows } = await client.query<{ id: string }>({
    ...INSERT_REJECTED,
    values: [
      workspaceId,
      source,
      importId ?? null,
      ids,
      column(({ unit }) => unit),
      column(({ receivedAt }) => receivedAt.toISOString()),
      column(({ messageId }) => messageId),
      column(({ reason }) => reason),
      column(({ detail }) => detail),
      column(({ payload }) => payload),
      column(({ line }) => line ?? null),
      column(({ fingerprint }) => fingerprint ?? null),
      column(({ callType }) => callType ?? null),
      column(({ sentAt }) => sentAt?.toISOString() ?? null),
      column(({ batchContext }) => batchContext ?? null),
      column(({ rowUserId }) => rowUserId ?? null),
    ],
  });
  const kept = new Set(rows.map(({ id }) => id));
  return rejections.filter((_, at) => kept.has(ids[at] ?? ''));
}

/** One row per moment of arrival, so that the ledger is exact for any range of time. */
async function writeLedger(client: PoolClient, { workspaceId, source, events, rejections }: EventBatch, { isStored, refused }: Pick<StoredBatch, 'isStored' | 'refused'>): Promise<void> {
  const moments = new Map<number, { stored: number; duplicate: number; rejected: number }>();
  const at = (moment: Date) => {
    const known = moments.get(moment.getTime());
    if (known) return known;
    const counts = { stored: 0, duplicate: 0, rejected: 0 };
    moments.set(moment.getTime(), counts);
    return counts;
  };
  for (const [ordinal, { receivedAt }] of events.entries()) if (!refused.has(ordinal)) at(receivedAt)[isStored[ordinal] ? 'stored' : 'duplicate']++;
  for (const { receivedAt, unit } of rejections) if (unit === 'EVENT') at(receivedAt).rejected++;
  if (moments.size === 0) return;
  const counts = [...moments.values()];
  await client.query({
    ...INSERT_LEDGER,
    values: [
      workspaceId,
      source,
      [...moments.keys()].map((moment) => new Date(moment).toISOString()),
      counts.map(() => uuid()),
      counts.map(({ stored }) => stored),
      counts.map(({ duplicate }) => duplicate),
      counts.map(({ rejected }) => rejected),
    ],
  });
}
