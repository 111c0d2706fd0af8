import type { ExportColumn } from '../gen/graphql';

/** What a file is to tell of members, while it is chosen. */
export interface ContentDraft {
  /** In the order of the file, behind the customer's id. */
  readonly columns: readonly ExportColumn[];
  /** Names, one a line: no name has a line break in it. */
  readonly attributes: string;
}

/** In the order that they usually come in. */
export const COLUMNS: Readonly<Record<ExportColumn, string>> = {
  USER_ID: 'user id',
  ANONYMOUS_ID: 'anonymous id, of those without a user id',
  SEGMENT_ID: 'id of the segment',
  SEGMENT_NAME: 'name of the segment',
  STRENGTH: 'strength',
  SINCE: 'since when',
  DECIDED_AT: 'when it was decided',
  AS_OF: 'as of when the file is',
  MODEL_ID: 'model that placed them',
  NOVELTY: 'novelty',
};
const ORDER = Object.keys(COLUMNS) as ExportColumn[];

export const USUAL: ContentDraft = { columns: ORDER.filter((column) => column !== 'NOVELTY'), attributes: '' };

export function draftOf({ columns, attributes }: { columns: readonly ExportColumn[]; attributes: readonly string[] }): ContentDraft {
  return { columns, attributes: attributes.join('\n') };
}

export function contentOf({ columns, attributes }: ContentDraft): { columns: ExportColumn[]; attributes: string[] } {
  return { columns: [...columns], attributes: attributes.split('\n').map((name) => name.trim()).filter((name) => name !== '') };
}

/** Without it, or with it before those that usually come after it; an order that somebody chose stays. */
export function toggled(columns: readonly ExportColumn[], column: ExportColumn): ExportColumn[] {
  if (columns.includes(column)) return columns.filter((one) => one !== column);
  const later = columns.findIndex((one) => ORDER.indexOf(one) > ORDER.indexOf(column));
  return columns.toSpliced(later === -1 ? columns.length : later, 0, column);
}
