import { person } from '#libs/contracts';

import { readReceipt } from './person.receipt.js';
import type { PersonRequestRow } from './person.repository.js';

export function personRequestOf(row: PersonRequestRow): person.PersonRequest {
  const said = row.receipt === null ? undefined : readReceipt(row.receipt);
  return {
    id: row.id,
    kind: person.PersonRequestKind[row.kind],
    state: person.PersonRequestState[row.state],
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    error: row.error,
    artifact: row.artifact ?? '',
    receipt: row.receipt ?? '',
    tables: Object.entries(said?.tables ?? {}).map(([table, rows]) => ({ table, rows })),
    modelIds: [...(said?.models ?? [])],
    runIds: [...(said?.runs ?? [])],
  } satisfies person.PersonRequest;
}
