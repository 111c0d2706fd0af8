import { ingestion } from '#libs/contracts';

import type { IntakeItem } from './event.js';
import type { EventRow, LedgerRow, RejectedRow, RejectedState, StoredReceipt } from './event.repository.js';
import type { ItemResult, Outcome } from './event.quarantine.js';

/** One per item, in order. */
export function resultsOf(items: readonly IntakeItem[], results: readonly ItemResult[]): ingestion.EventResult[] {
  return results.map((result, at) => resultOf(items[at], result));
}

/** By what became of them. */
export function countsOf(results: readonly ItemResult[]): { stored: number; duplicate: number; rejected: number } {
  const of = (wanted: Outcome) => results.reduce((sum, { outcome }) => sum + (outcome === wanted ? 1 : 0), 0);
  return { stored: of('STORED'), duplicate: of('DUPLICATE'), rejected: of('REJECTED') };
}

function resultOf(item: IntakeItem | undefined, { outcome, rejection }: ItemResult): ingestion.EventResult {
  return {
    messageId: item && 'event' in item ? item.event.messageId : (rejection?.messageId ?? ''),
    outcome: ingestion.EventOutcome[outcome],
    reason: rejection?.reason ?? '',
    detail: rejection?.detail ?? '',
  } satisfies ingestion.EventResult;
}

export function storedReceiptOf(messageId: string, row: StoredReceipt): ingestion.EventReceipt {
  return {
    messageId,
    outcome: ingestion.EventOutcome.STORED,
    receivedAt: row.received_at,
    occurredAt: row.occurred_at,
    eventId: row.event_id,
    customerId: row.customer_id ?? '',
    reason: '',
    detail: '',
    duplicates: Number(row.duplicates),
    timeClamped: row.time_clamped ?? false,
  } satisfies ingestion.EventReceipt;
}

export function rejectedReceiptOf(messageId: string, row: RejectedRow): ingestion.EventReceipt {
  return {
    messageId,
    outcome: ingestion.EventOutcome.REJECTED,
    receivedAt: row.received_at,
    occurredAt: undefined,
    eventId: '',
    customerId: '',
    reason: row.reason,
    detail: row.detail,
    duplicates: 0,
    timeClamped: false,
  } satisfies ingestion.EventReceipt;
}

export function ledgerOf(row: LedgerRow): ingestion.GetEventLedgerResponse {
  return {
    received: Number(row.received),
    stored: Number(row.stored),
    duplicate: Number(row.duplicate),
    rejected: Number(row.rejected),
    asOf: row.as_of,
    reconciledAt: row.reconciled_at ?? undefined,
    difference: Number(row.difference),
  } satisfies ingestion.GetEventLedgerResponse;
}

export function rejectedOf(row: RejectedRow): ingestion.RejectedEvent {
  return {
    id: row.id,
    receivedAt: row.received_at,
    messageId: row.message_id ?? '',
    reason: row.reason,
    detail: row.detail,
    payload: row.payload.toString(),
    source: row.line === null ? row.source : `${row.source} line ${row.line}`,
    state: ingestion.RejectedEventState[row.state],
    unit: ingestion.RejectedEventUnit[row.unit],
    mendedPayload: row.mended_payload?.toString() ?? '',
    resolvedAt: row.resolved_at ?? undefined,
    resolvedBy: row.resolved_by ?? '',
    note: row.note ?? '',
    payloadBytes: Number(row.payload_bytes),
  } satisfies ingestion.RejectedEvent;
}

/** Empty: any. */
export function stateOf(state: ingestion.RejectedEventState): RejectedState | '' {
  const { OPEN, REPLAYED, DISCARDED } = ingestion.RejectedEventState;
  return state === OPEN ? 'OPEN' : state === REPLAYED ? 'REPLAYED' : state === DISCARDED ? 'DISCARDED' : '';
}

export function eventOf(row: EventRow): ingestion.Event {
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    properties: row.properties,
    messageId: row.message_id,
  } satisfies ingestion.Event;
}
