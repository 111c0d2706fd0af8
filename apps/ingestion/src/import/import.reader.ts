import { v7 as uuid } from 'uuid';

import { isStorable } from '#libs/database';

import type { EventPlan, IntakeEvent, IntakeItem, PlanViolations, Rejection, RejectionReason } from '../event/event.js';
import { callOf } from '../event/event.call.js';
import { decodeEvent, type Envelope, knownBy, MAX_EVENT_BYTES } from '../event/event.decoder.js';
import { isStorableJson, jsonOrText } from '../event/event.text.js';
import type { Scratch } from '../scratch/scratch.js';
import { guessMapping } from './import.guess.js';
import { BROKEN_BEFORE, FileLines } from './import.lines.js';
import { columnsNamed, type FileMapping, type Mapping, MappingError } from './import.mapping.js';
import { eventQuery, FAULT_SEPARATOR, hasSendersJson, stagingQuery } from './import.query.js';
import { callQuery, isSegmentForm, REPEATED_CALLS, SEGMENT_PART_LINES, segmentQuery } from './import.segment.js';
import { FileUnreadableError, openSource, type Source, unreadable } from './import.source.js';
import { isOfTheFile, Staging } from './import.staging.js';

export interface ReaderOptions {
  readonly path: string;
  readonly fileName: string;
  /** Undefined: guessed. */
  readonly mapping: Mapping | undefined;
  /** Rows to look at; 0: all. */
  readonly limit?: number;
  readonly receivedAt: Date;
  /** What the workspace declared of its events. */
  readonly plan?: EventPlan | undefined;
}

/** What a file's rows are, before any event is written. */
export interface RowCounts {
  readonly total: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Record<string, number>>;
  readonly names: readonly { name: string; events: number }[];
  /** ISO 8601; undefined without events. */
  readonly newest: string | undefined;
}

/** One event of the file and the rows that became it. */
export interface ImportItem {
  readonly item: IntakeItem;
  readonly rows: number;
  /** Of its first row, the lines before the first row not counted. */
  readonly line: number;
}

/** Rows and bytes that are folded at once, about: folding holds them in memory. */
const PART = { rows: 150_000, bytes: 64 * 1024 * 1024 };
const MOST_PARTS = 4_096;
/** Parts beside one another lie in the same blocks; of parts further back none is read again. */
const PARTS_KEPT = 8;

/** A file, read by its mapping: first as rows that are counted, then as events in one order that never changes. */
export class ImportReader {
  private readonly staging: Staging;
  private lines = 0;
  private inFile: FileLines | undefined;
  private readonly hasSendersJson: boolean;

  private constructor(
    private readonly scratch: Scratch,
    private readonly source: Source,
    private readonly options: ReaderOptions,
    readonly mapping: Mapping,
    readonly guesses: readonly string[],
    private readonly parts: number,
  ) {
    this.staging = new Staging(scratch);
    this.hasSendersJson = mapping.form === 'columns' && hasSendersJson(mapping, source);
  }

  /** Throws MappingError where the file or the mapping cannot be used. */
  static async open(scratch: Scratch, options: ReaderOptions): Promise<ImportReader> {
    const file: FileMapping | undefined = options.mapping?.file;
    const source = await openSource(scratch, options.path, options.fileName, file, options.limit);
    const guess = options.mapping ? { mapping: options.mapping, guesses: [] } : guessMapping(source, await isSegmentForm(scratch, source));
    const { mapping } = guess;
    if (mapping.form === 'segment' && source.format !== 'ndjson') throw new MappingError('The form "segment" needs a file of one JSON object per line.');
    if (mapping.form === 'columns') checkColumns(columnsNamed(mapping), source.columns.map(({ name }) => name));
    // By the same estimate for the same file, so that a restart meets the same order.
    const isCut = mapping.form === 'columns' && !options.limit;
    const parts = isCut ? Math.min(Math.max(Math.ceil(source.estimatedRows / PART.rows), Math.ceil(source.estimatedBytes / PART.bytes), 1), MOST_PARTS) : 1;
    return new ImportReader(scratch, source, options, mapping, guess.guesses, parts);
  }

  /** Of the file, in its order. */
  get columns(): string[] {
    return this.source.columns.map(({ name }) => name);
  }

  /** About how many rows there are, until they are counted. */
  get rowsExpected(): number {
    return Math.round(this.source.estimatedRows);
  }

  /** Of `stage`, 0..1. */
  staged(): number {
    return this.staging.done();
  }

  /** Reads the whole file into scratch. */
  async stage(): Promise<RowCounts> {
    await this.scratch.run('DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans');
    const query = this.mapping.form === 'segment' ? segmentQuery(this.source) : stagingQuery(this.mapping, this.source, this.options.receivedAt, this.parts);
    await this.staging.stage({ query, parts: this.parts }).catch((error: Error) => {
      throw isOfTheFile(error) ? unreadable(error, this.options, this.source.format) : error;
    });
    if (this.mapping.form === 'segment') await this.scratch.run(`CREATE OR REPLACE TABLE repeated AS ${REPEATED_CALLS}`);
    // Lines that have no columns at all were left out by the reader itself.
    const hasRejects = (await this.scratch.rows(`SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'`)).length > 0;
    if (hasRejects) await this.checkQuotes();
    await this.scratch.run(
      `CREATE OR REPLACE TABLE broken AS ${hasRejects ? 'SELECT line, any_value(error_message) AS message, any_value(csv_line) AS text FROM reject_errors GROUP BY line' : 'SELECT 0::UBIGINT AS line, NULL::VARCHAR AS message, NULL::VARCHAR AS text WHERE false'}`,
    );
    this.inFile = await FileLines.of(this.scratch, this.source.headerLines);
    return this.count();
  }

  /** Behind a quote that nothing closes all rows are one value, however many there are: better no import than one without them. */
  private async checkQuotes(): Promise<void> {
    const [open] = await this.scratch.rows<{ line: string | null }>(
      `SELECT min(line) AS line FROM reject_errors WHERE error_type = 'UNQUOTED VALUE' AND regexp_matches(csv_line, '[\\r\\n]')`,
    );
    if (typeof open?.line !== 'string') return;
    throw new FileUnreadableError(`A quote that line ${open.line} opens is never closed, so that the rows behind it cannot be told apart. Close it, or where quotes are signs like any other say "file": {"quote": ""} in the mapping.`);
  }

  private async count(): Promise<RowCounts> {
    const by = async (sql: string) => Object.fromEntries((await this.scratch.rows<{ reason: string; rows: string }>(sql)).map(({ reason, rows }) => [reason, Number(rows)]));
    const [all] = await this.scratch.rows<{ total: string; lines: string; newest: string | null }>(
      `SELECT (SELECT count(*) FROM staged) + (SELECT count(*) FROM broken) AS total,
         (SELECT coalesce(max(line), 0) FROM staged) AS lines,
         (SELECT strftime(max(occurred_at), '%Y-%m-%dT%H:%M:%S.%gZ') FROM staged WHERE skip IS NULL AND fault IS NULL) AS newest`,
    );
    const names = await this.scratch.rows<{ name: string; events: string }>(
      `SELECT name, count(*) AS events FROM staged WHERE skip IS NULL AND fault IS NULL AND name IS NOT NULL GROUP BY name ORDER BY events DESC LIMIT 100`,
    );
    this.lines = Number(all?.lines);
    return {
      total: Number(all?.total),
      newest: all?.newest ?? undefined,
      names: names.map(({ name, events }) => ({ name, events: Number(events) })),
      skipped: await by('SELECT skip AS reason, count(*) AS rows FROM staged WHERE skip IS NOT NULL GROUP BY skip'),
      rejected: await by(
        `SELECT reason, sum(rows)::BIGINT AS rows FROM (
           SELECT split_part(fault, '${FAULT_SEPARATOR}', 1) AS reason, count(*) AS rows FROM staged WHERE skip IS NULL AND fault IS NOT NULL GROUP BY ALL
           UNION ALL SELECT 'ROW_MALFORMED', count(*) FROM broken HAVING count(*) > 0
         ) GROUP BY reason`,
      ),
    };
  }

  /** Rows that no event can be made of, with their line and why. */
  async *rejectedRows(fileSha256: string): AsyncGenerator<Rejection> {
    const { headerLines } = this.source;
    const result = await this.scratch.connection.stream(
      `SELECT ${headerLines} + s.line + coalesce(b.before, 0) AS line, s.fault, s.whole, s.customer
       FROM (SELECT line, fault, whole, ${this.mapping.form === 'columns' ? 'coalesce(customer, visitor) AS customer' : 'NULL AS customer'} FROM staged WHERE skip IS NULL AND fault IS NOT NULL) s
       ASOF LEFT JOIN ${BROKEN_BEFORE} b ON ${headerLines} + s.line > b.line
       UNION ALL SELECT line, 'ROW_MALFORMED${FAULT_SEPARATOR}' || coalesce(message, ''), text, NULL FROM broken`,
    );
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      for (const [line, fault, whole, customer] of chunk.getRows()) {
        const [reason = '', detail = ''] = String(fault).split(FAULT_SEPARATOR);
        const fingerprint = `${fileSha256}:${String(line)}`;
        const payload = Buffer.from(String(whole ?? ''));
        const of = typeof customer === 'string' ? { rowUserId: customer } : {};
        yield { messageId: null, reason, detail, receivedAt: this.options.receivedAt, payload, unit: 'ROW', line: Number(line), fingerprint, ...of };
      }
    }
  }

  /** Events in their one order. */
  async *items(fileSha256: string): AsyncGenerator<ImportItem> {
    const { mapping } = this;
    const parts = mapping.form === 'segment' ? Math.ceil(this.lines / SEGMENT_PART_LINES) : this.parts;
    for (let part = 0; part < parts; part++) {
      if (part % PARTS_KEPT === 0) await this.scratch.release();
      const query = mapping.form === 'segment' ? callQuery(part) : eventQuery(mapping, this.source, part);
      const result = await this.scratch.connection.stream(query);
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        const columns = chunk.getColumns();
        for (let row = 0; row < chunk.rowCount; row++) {
          const values = columns.map((column) => column[row]);
          const item = mapping.form === 'segment' ? this.segmentItem(values, fileSha256) : this.columnItem(values, fileSha256, mapping.fold?.list?.property);
          yield { item, rows: mapping.form === 'segment' ? 1 : Number(values[1]), line: Number(values[0]) };
        }
      }
    }
  }

  private lineOf(row: unknown): number {
    return this.inFile?.of(Number(row)) ?? Number(row);
  }

  private segmentItem([line, text, made]: readonly unknown[], fileSha256: string): IntakeItem {
    const { receivedAt, plan } = this.options;
    const envelope = { receivedAt, plan, maxBytes: MAX_EVENT_BYTES.file };
    // DuckDB takes for JSON what is none: NaN, Infinity, a comma behind the last.
    const call = jsonOrText(String(text));
    const item = typeof call === 'string' ? decodeEvent(call, envelope) : decodeArchived(call as Readonly<Record<string, unknown>>, String(made), envelope);
    if ('event' in item) return { ...item, event: { ...item.event, line: this.lineOf(line) } };
    return { ...item, rejection: { ...item.rejection, line: this.lineOf(line), fingerprint: `${fileSha256}:event:${String(line)}` } };
  }

  private columnItem(values: readonly unknown[], fileSha256: string, listProperty: string | undefined): IntakeItem {
    const [line, , customer, visitor, name, occurredAt, isClamped, messageId, object, list] = values;
    const written = listProperty === undefined || list === null ? String(object) : withList(String(object), listProperty, String(list));
    const said = this.hasSendersJson ? jsonOrText(written.replace(TEXT_OR_NO_NUMBER, (found) => (found.startsWith('"') ? found : 'null'))) : undefined;
    const properties = said === undefined ? written : JSON.stringify(said);
    const event: IntakeEvent = {
      id: uuid(), messageId: String(messageId), type: 'track', name: String(name), occurredAt: String(occurredAt), receivedAt: this.options.receivedAt,
      sentAt: null, originalAt: null, timeClamped: isClamped === true, userId: textOrNull(customer), anonymousId: textOrNull(visitor), groupId: null, previousId: null,
      properties, context: null, line: this.lineOf(line),
    };
    const broken = typeof said === 'string' ? NO_JSON : refusalOf(event);
    const violations = broken ? undefined : this.options.plan?.violationsOf(event);
    const refusal = broken ?? (violations?.isEnforced ? { reason: 'PLAN_VIOLATION', detail: violations.detail } : undefined);
    if (!refusal) return { event, ...counted(violations) };
    const payload = Buffer.from(callOf(event));
    const fingerprint = `${fileSha256}:event:${String(line)}`;
    return { rejection: { ...refusal, messageId: knownBy(event.messageId), receivedAt: event.receivedAt, payload, unit: 'EVENT', line: this.lineOf(line), fingerprint }, ...counted(violations) };
  }
}

/** Texts, to be passed over, and what DuckDB writes for numbers that are none. */
const TEXT_OR_NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?(?:nan|inf(?:inity)?)/gi;
const NO_JSON = { reason: 'PROPERTIES_INVALID', detail: 'A value of the kind json is no JSON.' } as const;

const textOrNull = (id: unknown) => (typeof id === 'string' ? id : null);
const counted = (violations: PlanViolations | undefined) => (violations ? { violations } : {});

/** An archived call was sent long ago: its own clock was corrected then, and the time of the import corrects nothing. `made`: its message id where it has none. */
export function decodeArchived(archived: Readonly<Record<string, unknown>>, made: string, envelope: Envelope): IntakeItem {
  const { sentAt: _, originalTimestamp, ...call } = archived;
  const messageId = call['messageId'] === undefined || call['messageId'] === null || call['messageId'] === '' ? made : call['messageId'];
  return decodeEvent({ ...call, messageId, timestamp: call['timestamp'] ?? originalTimestamp }, envelope);
}

/** The same limits as over HTTP, but for the size. */
function refusalOf({ messageId, name, userId, anonymousId, properties }: IntakeEvent): { reason: RejectionReason; detail: string } | undefined {
  if (messageId.length > 100) return { reason: 'MESSAGE_ID_INVALID', detail: `The message id has ${messageId.length} characters; 100 are allowed.` };
  if (name.length > 255) return { reason: 'NAME_INVALID', detail: `The name has ${name.length} characters; 255 are allowed.` };
  const longest = Math.max(userId?.length ?? 0, anonymousId?.length ?? 0);
  if (longest > 256) return { reason: 'ID_INVALID', detail: `The customer has ${longest} characters; 256 are allowed.` };
  const bytes = properties.length > MAX_EVENT_BYTES.file / 3 ? Buffer.byteLength(properties) : 0;
  if (bytes > MAX_EVENT_BYTES.file) return { reason: 'TOO_LARGE', detail: `The event has ${bytes} bytes; ${MAX_EVENT_BYTES.file} are allowed from files.` };
  const isClean = [messageId, name, userId ?? ''].every(isStorable) && (!/\\u(?:0000|d[89a-f])/i.test(properties) || isStorableJson(JSON.parse(properties), properties));
  return isClean ? undefined : { reason: 'TEXT_UNSTORABLE', detail: 'A text holds a NUL character, which no text can keep.' };
}

function withList(object: string, property: string, list: string): string {
  return `${object.slice(0, -1)}${object.length > 2 ? ',' : ''}${JSON.stringify(property)}:${list}}`;
}

/** Throws MappingError where a column is named that is not there. */
export function checkColumns(named: readonly string[], columns: readonly string[]): void {
  const there = new Set(columns);
  const missing = named.find((name) => !there.has(name));
  if (missing === undefined) return;
  throw new MappingError(`The mapping names the column "${missing}", which the file does not have. It has: ${[...there].join(', ')}.`, missing, [...there]);
}
