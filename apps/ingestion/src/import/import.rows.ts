import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ArtifactError, type ArtifactStore } from '#libs/artifacts';

import type { EventPlan, IntakeItem } from '../event/event.js';
import { MAX_EVENT_BYTES } from '../event/event.decoder.js';
import { Scratch, type ScratchOptions } from '../scratch/scratch.js';
import { type ColumnMapping, columnsNamed, columnsOf, type Mapping, type Property, type Value } from './import.mapping.js';
import { keyOfRow } from './import.query.js';
import { checkColumns, decodeArchived, ImportReader } from './import.reader.js';
import type { ImportRepository, ImportRow } from './import.repository.js';
import { openSource, type Source } from './import.source.js';

/** A row of a file by itself: of the file or as it was mended. */
export interface LooseRow {
  readonly id: string;
  /** An object by column, or for files in Segment's form a call. */
  readonly value: unknown;
  readonly receivedAt: Date;
  /** As it lay in the file: how many rows before it said the very same. Undefined: it was mended, and lay in no file so. */
  readonly twins?: number | undefined;
}

export interface RowReading {
  /** In place of the import's own. */
  readonly mapping: Mapping | undefined;
  readonly plan: EventPlan | undefined;
}

/** Why a row by itself cannot be replayed, beside what its mapping finds wrong with it; docs/api/intake.md says of each what to do. */
export const REPLAY_REASONS = ['ROW_MALFORMED', 'ROW_SKIPPED', 'ROW_FOLDED', 'ROW_FILE_GONE', 'ROW_ORIGIN_UNKNOWN'] as const;

/** Why no event can be made of a row. */
export interface RowRefusal {
  readonly reason: string;
  readonly detail: string;
}

type Fields = Readonly<Record<string, unknown>>;
export type RowResult = IntakeItem | { readonly refusal: RowRefusal };

const refuse = (reason: (typeof REPLAY_REASONS)[number], detail: string): RowResult => ({ refusal: { reason, detail } });

/** Single rows of a file as events, long after the file was imported. */
export class ImportRows {
  constructor(
    private readonly repository: ImportRepository,
    private readonly artifacts: ArtifactStore,
    private readonly scratch: ScratchOptions,
  ) {}

  /** By the mapping of their import or another one; by id. Throws MappingError where the mapping does not fit. */
  async decode(workspaceId: string, importId: string, rows: readonly LooseRow[], { mapping: given, plan }: RowReading): Promise<Map<string, RowResult>> {
    const all = (result: (row: LooseRow) => RowResult) => new Map(rows.map((row) => [row.id, result(row)]));
    const origin = await this.repository.find(workspaceId, importId);
    const mapping = given ?? origin?.mapping;
    if (!origin || !mapping) return all(() => refuse('ROW_ORIGIN_UNKNOWN', 'The import of this row is not known any more. Mend the row in its file and import that.'));
    if (mapping.form === 'segment') return all(({ id, value, receivedAt }) => (isObject(value) ? decodeArchived(value, id, { receivedAt, plan, maxBytes: MAX_EVENT_BYTES.file }) : NO_OBJECT));
    if (mapping.fold) {
      return all(() => refuse('ROW_FOLDED', 'Rows of this file are folded into events together, so that one row alone is none. Mend the row in the file and import the file again; an event that was stored without the row stays as it is.'));
    }
    const scratch = await Scratch.open(this.scratch);
    try {
      const source = await this.sourceOf(scratch, origin);
      if (!source) return all(() => refuse('ROW_FILE_GONE', 'The file of this row is not kept any more, and with it how its columns were read. Mend the row in your own file and import that.'));
      // What a mended row says beside the file's columns may be named too.
      if (given) checkColumns(columnsNamed(mapping), [...source.columns.map(({ name }) => name), ...rows.flatMap(({ value }) => (isObject(value) ? Object.keys(value) : []))]);
      return await this.read(scratch, rows, asLines(mapping, source), source, plan);
    } finally {
      await scratch.close();
    }
  }

  /** What the file's columns are; its rows are not read. */
  private async sourceOf(scratch: Scratch, { artifact, file_name: fileName, mapping }: ImportRow): Promise<Source | undefined> {
    try {
      return await openSource(scratch, await this.artifacts.localFile(artifact), fileName, mapping.file, 1);
    } catch (error) {
      if (error instanceof ArtifactError && error.reason === 'MISSING') return undefined;
      throw error;
    }
  }

  private async read(scratch: Scratch, rows: readonly LooseRow[], mapping: ColumnMapping, source: Source, plan: EventPlan | undefined): Promise<Map<string, RowResult>> {
    const results = new Map<string, RowResult>(rows.map(({ id }) => [id, NO_OBJECT]));
    const usable = rows.filter((row): row is LooseRow & { value: Fields } => isObject(row.value));
    const [first] = usable;
    if (!first) return results;
    const path = join(scratch.folder, 'rows.ndjson');
    const empty = Object.fromEntries(columnsNamed(mapping).map((column) => [column, null]));
    const lines = usable.map(({ value }) => ({ ...empty, ...asTyped(value, source) }));
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const reader = await ImportReader.open(scratch, { path, fileName: 'rows.ndjson', mapping, receivedAt: first.receivedAt, plan });
    await reader.stage();
    for (const { id } of usable) results.set(id, refuse('ROW_SKIPPED', 'The mapping leaves this row out. Mend the row, or replay it by another mapping.'));
    for await (const { line = 0, reason, detail } of reader.rejectedRows('')) set(results, usable, line, { refusal: { reason, detail } });
    for await (const { line, item } of reader.items('')) {
      const [row, fields] = [usable[line - 1], lines[line - 1]];
      if (!row || !fields) continue;
      const isNamed = !('event' in item) || hasMessageId(mapping, fields);
      results.set(row.id, isNamed ? item : { ...item, event: { ...item.event, messageId: madeId(row, fields, source) } });
    }
    return results;
  }
}

/** As its import would make it, so that the file imported again, by a better mapping too, finds the row known; a mended row's own id. */
function madeId({ id, twins }: LooseRow, fields: Fields, source: Source): string {
  return twins === undefined ? id : `${keyOfRow(source.columns.map(({ name }) => textOf(fields[name])))}-${twins}`;
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  // Blanks alone are cut off, as they are where the file is read.
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/^ +| +$/g, '');
  return text === '' ? null : text;
}

const NO_OBJECT = refuse('ROW_MALFORMED', 'A row is a JSON object by column, for example {"customer_id": "17", "time": "2026-05-01"}.');

function set(results: Map<string, RowResult>, rows: readonly LooseRow[], line: number, result: RowResult): void {
  const row = rows[line - 1];
  if (row) results.set(row.id, result);
}

/** The mapping for the same rows as lines of JSON: what a column is, is said by the file that they came from. */
function asLines(mapping: ColumnMapping, source: Source): ColumnMapping {
  const kinds = new Map(source.columns.map(({ name, kind }) => [name, kind]));
  const withKind = <One extends Value | Property>(value: One): One => {
    const kind = 'column' in value && value.kind === undefined ? kinds.get(value.column) : undefined;
    return kind === undefined ? value : { ...value, kind };
  };
  const properties = Object.fromEntries(Object.entries(mapping.properties).map(([name, value]) => [name, withKind(value)]));
  return { ...mapping, file: { format: 'ndjson' }, properties };
}

/** A Parquet file's numbers were kept as texts: 13085.0 is the id "13085", as it was read from the file. */
function asTyped(row: Fields, { format, columns }: Source): Fields {
  if (format !== 'parquet') return row;
  const numeric = new Set(columns.filter(({ kind }) => kind === 'numeric').map(({ name }) => name));
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, numeric.has(name) && typeof value === 'string' ? value.replace(/^(-?\d{1,15})\.0+$/, '$1') : value]));
}

/** Else one was made of what the row says, which two rows may say alike. */
function hasMessageId({ messageId }: ColumnMapping, row: Fields | undefined): boolean {
  const isBlank = (value: unknown) => value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
  return messageId !== undefined && columnsOf(messageId).every((column) => !isBlank(row?.[column]));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
