import type { EventPlan, IntakeItem } from '../event/event.js';
import { decodeEvent, MAX_EVENT_BYTES } from '../event/event.decoder.js';
import type { Mapping } from '../import/import.mapping.js';
import type { ImportRows, RowResult } from '../import/import.rows.js';
import type { ReplayRow } from './quarantine.repository.js';

/** What is refused, as it would be taken in now: an item, or why it cannot become one. */
export interface Decoded {
  readonly row: ReplayRow;
  readonly result: RowResult;
}

export interface Reading {
  /** For rows of files, in place of their import's. */
  readonly mapping: Mapping | undefined;
  readonly plan: EventPlan | undefined;
}

/** Decodes refused events again as they were decoded when they came, rows of files by their import's mapping. */
export async function decodeAgain(imports: ImportRows, workspaceId: string, rows: readonly ReplayRow[], reading: Reading): Promise<Decoded[]> {
  const results = new Map<string, RowResult>();
  const byImport = new Map<string, ReplayRow[]>();
  for (const row of rows) {
    if (row.unit === 'EVENT') results.set(row.id, decodeCall(row, reading.plan));
    else byImport.set(row.import_id ?? '', [...(byImport.get(row.import_id ?? '') ?? []), row]);
  }
  for (const [importId, ofImport] of byImport) {
    const loose = ofImport.map((row) => ({ id: row.id, value: valueOf(row), receivedAt: row.received_at, twins: row.is_mended || row.twins === null ? undefined : Number(row.twins) }));
    for (const [id, result] of await imports.decode(workspaceId, importId, loose, reading)) results.set(id, result);
  }
  return rows.flatMap((row) => {
    const result = results.get(row.id);
    return result ? [{ row, result }] : [];
  });
}

/** At its time of arrival, with what its request said beside it; without a message id it has its own id as one. */
function decodeCall(row: ReplayRow, plan: EventPlan | undefined): IntakeItem | RowResult {
  if (row.payload === null) return { refusal: { reason: 'TOO_LARGE', detail: 'It is larger than any event may be. Mend it: leave out what is large.' } };
  const value = valueOf(row);
  // A person who mends an event may say its type; a sender's path says it over whatever its body does.
  const saysType = row.is_mended && typeof value === 'object' && value !== null && 'type' in value;
  return decodeEvent(named(value, row.id), {
    receivedAt: row.received_at,
    sentAt: row.sent_at?.getTime(),
    type: saysType ? undefined : (row.call_type ?? undefined),
    context: row.batch_context === null ? undefined : (JSON.parse(row.batch_context) as Readonly<Record<string, unknown>>),
    maxBytes: row.import_id === null ? MAX_EVENT_BYTES.http : MAX_EVENT_BYTES.file,
    plan,
  });
}

function named(value: unknown, id: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { messageId } = value as { messageId?: unknown };
  return messageId === undefined || messageId === null || messageId === '' ? { ...value, messageId: id } : value;
}

/** What is no JSON (a broken line of a file) stays a text. */
function valueOf({ payload }: ReplayRow): unknown {
  const text = payload?.toString() ?? '';
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
