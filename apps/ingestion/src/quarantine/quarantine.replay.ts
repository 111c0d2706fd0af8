import { quarantine } from '#libs/contracts';

import type { IntakeEvent, IntakeItem, Rejection } from '../event/event.js';
import { IntakeUnavailableError } from '../event/event.failure.js';
import { type ItemResult, writeItems } from '../event/event.quarantine.js';
import type { EventStore } from '../event/event.store.js';
import type { ImportRows } from '../import/import.rows.js';
import { type Decoded, decodeAgain, type Reading } from './quarantine.decoder.js';
import { type QuarantineRepository, ReplayOvertaken, type ReplayRow, type Resolution } from './quarantine.repository.js';

const { STORED, DUPLICATE, STILL_REJECTED, DISCARDED, UNKNOWN } = quarantine.ReplayOutcome;
/** Payloads that are held at once. */
const SLICE = 50;
const ATTEMPTS = 5;

interface Taken {
  readonly row: ReplayRow;
  readonly item: IntakeItem & { readonly event: { readonly messageId: string } };
}

/** Who replays, where, and how it is read. */
export interface ReplayCall {
  readonly workspaceId: string;
  readonly actor: string;
  readonly reading: Reading;
}

/**
 * Takes refused events in again: decoded as the intake does, committed as it does, and marked in the very same
 * transaction. Two replays of one event, at once or one after the other, store it once and count it once.
 */
export class Replay {
  constructor(
    private readonly repository: QuarantineRepository,
    private readonly store: EventStore,
    private readonly imports: ImportRows,
  ) {}

  /** Why an event would be refused now for whom it is of; undefined: it would not be. */
  async refusalOf(workspaceId: string, event: IntakeEvent): Promise<Rejection | undefined> {
    return (await this.store.refusals(workspaceId, [event])).get(0);
  }

  /** One result per id, in order. */
  async run(call: ReplayCall, ids: readonly string[]): Promise<quarantine.ReplayResult[]> {
    const results = new Map<string, quarantine.ReplayResult>();
    const distinct = [...new Set(ids)];
    for (let at = 0; at < distinct.length; at += SLICE) {
      for (const result of await this.slice(call, distinct.slice(at, at + SLICE))) results.set(result.id, result);
    }
    return ids.map((id) => results.get(id) ?? resultOf(id, UNKNOWN));
  }

  private async slice(call: ReplayCall, ids: readonly string[]): Promise<quarantine.ReplayResult[]> {
    const results: quarantine.ReplayResult[] = [];
    let left = ids;
    for (let attempt = 1; left.length > 0; attempt++) {
      const rows = await this.repository.read(call.workspaceId, left);
      results.push(...rows.filter(({ state }) => state !== 'OPEN').map(resolvedBefore));
      const decoded = await decodeAgain(this.imports, call.workspaceId, rows.filter(({ state }) => state === 'OPEN'), call.reading);
      results.push(...decoded.flatMap(refusalOf));
      const overtaken: string[] = [];
      for (const taken of bySource(decoded)) {
        try {
          results.push(...(await this.commit(call, taken)));
        } catch (error) {
          // What is not known to be stored may be replayed again: it is stored once.
          if (!(error instanceof ReplayOvertaken)) throw new IntakeUnavailableError(error);
          if (attempt === ATTEMPTS) throw error;
          overtaken.push(...taken.map(({ row }) => row.id));
        }
      }
      // Those are read again: whoever was first has resolved or mended some of them.
      left = overtaken;
    }
    return results;
  }

  /** Of one source, so that the ledger stays exact for each. */
  private async commit({ workspaceId, actor }: ReplayCall, taken: readonly Taken[]): Promise<quarantine.ReplayResult[]> {
    const { source, import_id: importId } = (taken[0] as Taken).row;
    const to = { workspaceId, source, isReplay: true, ...(importId === null ? {} : { importId }) };
    const written = await writeItems(this.store, to, taken, (client, { isStored, refused }, items) => {
      // Refused for whom they are of, they stay open as they are.
      const resolutions = items.flatMap(({ row, item }, ordinal): Resolution[] =>
        refused.has(ordinal) ? [] : [{ row, messageId: item.event.messageId, outcome: isStored[ordinal] ? 'STORED' : 'DUPLICATE' }],
      );
      return this.repository.resolve(client, workspaceId, actor, source, resolutions);
    });
    return taken.map(({ row, item }, at) => writtenOf(row, item.event.messageId, written[at]));
  }
}

function bySource(decoded: readonly Decoded[]): Taken[][] {
  const groups = new Map<string, Taken[]>();
  for (const { row, result } of decoded) {
    if (!('event' in result)) continue;
    const group = groups.get(row.source) ?? [];
    groups.set(row.source, group);
    group.push({ row, item: result });
  }
  return [...groups.values()];
}

function refusalOf({ row, result }: Decoded): quarantine.ReplayResult[] {
  if ('event' in result) return [];
  const { reason, detail } = 'rejection' in result ? result.rejection : result.refusal;
  return [{ ...resultOf(row.id, STILL_REJECTED), reason, detail }];
}

function resolvedBefore(row: ReplayRow): quarantine.ReplayResult {
  const outcome = row.state === 'DISCARDED' ? DISCARDED : row.outcome === 'DUPLICATE' ? DUPLICATE : STORED;
  return { ...resultOf(row.id, outcome), messageId: row.stored_message_id ?? '' };
}

function writtenOf(row: ReplayRow, messageId: string, written: ItemResult | undefined): quarantine.ReplayResult {
  if (written?.outcome === 'STORED') return { ...resultOf(row.id, STORED), changed: true, messageId };
  if (written?.outcome === 'DUPLICATE') return { ...resultOf(row.id, DUPLICATE), changed: true, messageId };
  return { ...resultOf(row.id, STILL_REJECTED), reason: written?.rejection?.reason ?? '', detail: written?.rejection?.detail ?? '' };
}

function resultOf(id: string, outcome: quarantine.ReplayOutcome): quarantine.ReplayResult {
  return { id, outcome, changed: false, messageId: '', reason: '', detail: '' };
}
