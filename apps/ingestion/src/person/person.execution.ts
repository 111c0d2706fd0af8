import type { ArtifactStore } from '#libs/artifacts';
import type { Database, Position } from '#libs/database';
import type { Attempt } from '#libs/queue';

import type { KeyedDigest } from '../identity/keyed.digest.js';
import type { Uploads } from '../upload/uploads.js';
import type { PersonErasure } from './person.erasure.js';
import { exportFolder, type PersonExport } from './person.export.js';
import type { PersonPeers } from './person.peers.js';
import { signReceipt } from './person.receipt.js';
import type { PersonRequestRepository, PersonRequestRow, TableRows } from './person.repository.js';
import { subjectsOf } from './person.subjects.js';

/** What requests are answered with. */
export interface PersonRooms {
  readonly database: Database;
  readonly repository: PersonRequestRepository;
  readonly erasure: PersonErasure;
  readonly exporting: PersonExport;
  readonly peers: PersonPeers;
  readonly artifacts: ArtifactStore;
  readonly uploads: Uploads;
  readonly digest: KeyedDigest;
  /** Receipts are signed with a key made from it. */
  readonly secret: string;
}

/** One attempt at a request, from the row to its receipt. Every step may be done again. */
export async function answerRequest(rooms: PersonRooms, attempt: Attempt, row: PersonRequestRow): Promise<void> {
  switch (row.kind) {
    case 'EXPORT':
      return answerExport(rooms, attempt, row);
    case 'ERASE':
      return answerErasure(rooms, attempt, row);
    case 'SUPPRESS':
      return answerSuppression(rooms, attempt, row);
  }
}

async function answerExport(rooms: PersonRooms, attempt: Attempt, row: PersonRequestRow): Promise<void> {
  const { artifact, person, tables } = await rooms.exporting.run(attempt, row);
  const receipt = await receiptOf(rooms, attempt, row, { customerIds: person.customerIds, tables, models: [], runs: [] });
  // Erased while it was written: the file goes as well.
  if (!(await rooms.repository.succeed(attempt, { receipt, artifact }))) await rooms.artifacts.remove(rooms.artifacts.uri(artifact));
}

/** First the events, so that nothing is made of them again; then what was made of them. */
async function answerErasure(rooms: PersonRooms, attempt: Attempt, row: PersonRequestRow): Promise<void> {
  const { peers, artifacts, uploads, erasure, repository } = rooms;
  const erased = await erasure.run(attempt, row);
  for (const exportId of erased.exportIds) await artifacts.remove(artifacts.uri(exportFolder(attempt.workspaceId, exportId)));
  await uploads.removeEnding(attempt.workspaceId);
  const { customer_ids: customerIds, deleted } = erased.row;
  const forgotten = await peers.forget(attempt.workspaceId, customerIds);
  const first = firstOf(erased.row);
  // Runs first: one that ends meanwhile is named twice, and not never.
  const runs = first ? await peers.runsUnderWay(attempt.workspaceId, first) : [];
  const models = first ? await peers.modelsSince(attempt.workspaceId, first) : [];
  const receipt = await receiptOf(rooms, attempt, row, { customerIds, tables: { ...deleted, ...forgotten }, models, runs });
  await repository.succeed(attempt, { receipt });
}

async function answerSuppression(rooms: PersonRooms, attempt: Attempt, row: PersonRequestRow): Promise<void> {
  const { workspaceId } = attempt;
  const person = await rooms.database.onConnection(workspaceId, (client) => subjectsOf(client, workspaceId, row));
  const ids = [...new Set([...person.userIds, ...person.anonymousIds])];
  await rooms.repository.suppress(attempt, ids.map((id) => rooms.digest(workspaceId, id)));
  // From here on no new export has them; then the old ones.
  const rewritten = person.customerIds.length === 0 ? {} : await rooms.peers.forgetExported(workspaceId, person.customerIds);
  const tables = { 'ingestion.suppressed_ids': ids.length, ...rewritten };
  const receipt = await receiptOf(rooms, attempt, row, { customerIds: person.customerIds, tables, models: [], runs: [] });
  await rooms.repository.succeed(attempt, { receipt });
}

function firstOf({ first_horizon, first_sequence }: PersonRequestRow): Position | undefined {
  return first_horizon === null ? undefined : { horizon: Number(first_horizon), sequence: Number(first_sequence) };
}

function receiptOf(
  { secret }: PersonRooms,
  { workspaceId, id }: Attempt,
  { kind, requested_by }: PersonRequestRow,
  facts: { customerIds: readonly string[]; tables: TableRows; models: readonly string[]; runs: readonly string[] },
): Promise<string> {
  return signReceipt(secret, { workspaceId, requestId: id, kind, requestedBy: requested_by, ...facts });
}
