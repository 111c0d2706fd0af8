import type { ingestion } from '#libs/contracts';

import { callOf } from '../event/event.call.js';
import type { IntakeEvent, Rejection } from '../event/event.js';
import { countsOf } from './import.mapper.js';
import type { ImportReader } from './import.reader.js';

const MOST_REFUSALS = 20;
const MOST_PAYLOAD = 4 * 1024;
const KEPT_AT_ONCE = 1_000;

/** By place: what would be refused of events that could be stored as they are. */
export type KeptOut = (events: readonly IntakeEvent[]) => Promise<ReadonlyMap<number, Rejection>>;

/** What an import would make of the rows that a reader is bound to, all of them accounted for. Writes nothing. */
export async function previewOf(reader: ImportReader, keptOut: KeptOut): Promise<ingestion.PreviewImportResponse> {
  const { total, skipped, rejected } = await reader.stage();
  const events: IntakeEvent[] = [];
  const refusedEvents: Rejection[] = [];
  for await (const { item } of reader.items('preview')) {
    if ('event' in item) events.push(item.event);
    else refusedEvents.push(item.rejection);
  }
  const refused = await keptOut(events);
  refusedEvents.push(...refused.values());
  const refusals = firstOf([...(await firstRefusedRows(reader)), ...refusedEvents]);
  const [skippedRows, rejectedRows] = [countsOf(skipped), countsOf(rejected)];
  return {
    mapping: JSON.stringify(reader.mapping),
    guesses: [...reader.guesses],
    columns: reader.columns,
    events: events.filter((_, place) => !refused.has(place)).map(callOf),
    rows: total,
    rowsFolded: total - sumOf(skippedRows) - sumOf(rejectedRows),
    skipped: skippedRows,
    rejected: rejectedRows,
    eventsRejected: refusedEvents.length,
    refusals: refusals.map(({ line = 0, reason, detail, payload }) => ({ line, reason, detail, payload: payload.toString().slice(0, MOST_PAYLOAD).toWellFormed() })),
  };
}

/** Lines that are broken count for no row of the bound: there may be any number of them. */
async function firstRefusedRows(reader: ImportReader): Promise<Rejection[]> {
  let first: Rejection[] = [];
  for await (const row of reader.rejectedRows('preview')) {
    first.push(row);
    if (first.length > KEPT_AT_ONCE) first = firstOf(first);
  }
  return firstOf(first);
}

const firstOf = (refusals: readonly Rejection[]) => refusals.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0)).slice(0, MOST_REFUSALS);
const sumOf = (counts: readonly ingestion.RowCount[]) => counts.reduce((sum, { rows }) => sum + rows, 0);
