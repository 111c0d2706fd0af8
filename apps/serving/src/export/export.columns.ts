/** What a file of members can hold of each: columns of its own, and attributes that people chose. */
import { exporting } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { publicId } from '../page/public-id.js';
import type { MemberRow } from './member.reader.js';

/** As DuckDB and Parquet call them. */
export type ColumnType = 'VARCHAR' | 'DOUBLE' | 'BIGINT' | 'BOOLEAN' | 'TIMESTAMP WITH TIME ZONE';

export interface FileColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** An attribute's value as Postgres tells it: its kind in JSON, and its text. */
export interface AttributeValue {
  readonly kind: string;
  readonly text: string;
}

/** A member as the world knows them; an empty id is none. */
export interface NamedMember extends MemberRow {
  readonly userId: string;
  readonly anonymousId: string;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** What is the same of everyone in a file. */
export interface FileFacts {
  readonly segmentId: string;
  readonly segmentName: string;
  readonly asOf: string;
}

interface OwnColumn extends FileColumn {
  readonly of: (member: NamedMember, file: FileFacts) => string | null;
}

/** First in every file, for by it people are taken out of files again. */
export const CUSTOMER_ID: OwnColumn = { name: 'customer_id', type: 'VARCHAR', of: ({ customerId }) => publicId('Customer', customerId) };

const OWN = {
  USER_ID: { name: 'user_id', type: 'VARCHAR', of: ({ userId }) => userId || null },
  ANONYMOUS_ID: { name: 'anonymous_id', type: 'VARCHAR', of: ({ userId, anonymousId }) => (userId === '' && anonymousId) || null },
  SEGMENT_ID: { name: 'segment_id', type: 'VARCHAR', of: (_member, { segmentId }) => publicId('Segment', segmentId) },
  SEGMENT_NAME: { name: 'segment_name', type: 'VARCHAR', of: (_member, { segmentName }) => segmentName },
  STRENGTH: { name: 'strength', type: 'DOUBLE', of: ({ strength }) => String(strength) },
  SINCE: { name: 'since', type: 'TIMESTAMP WITH TIME ZONE', of: ({ since }) => since },
  DECIDED_AT: { name: 'decided_at', type: 'TIMESTAMP WITH TIME ZONE', of: ({ decidedAt }) => decidedAt },
  AS_OF: { name: 'as_of', type: 'TIMESTAMP WITH TIME ZONE', of: (_member, { asOf }) => asOf },
  MODEL_ID: { name: 'model_id', type: 'VARCHAR', of: ({ modelId }) => modelId && publicId('Model', modelId) },
  NOVELTY: { name: 'novelty', type: 'DOUBLE', of: ({ novelty }) => (novelty === null ? null : String(novelty)) },
} satisfies Record<string, OwnColumn>;

export type ExportColumn = keyof typeof OWN;

/** Where none are chosen. */
const USUAL: readonly ExportColumn[] = ['USER_ID', 'ANONYMOUS_ID', 'SEGMENT_ID', 'SEGMENT_NAME', 'STRENGTH', 'SINCE', 'DECIDED_AT', 'AS_OF', 'MODEL_ID'];
/** What files held before columns could be chosen, and manifests named them. */
export const FORMER: readonly FileColumn[] = [CUSTOMER_ID, OWN.USER_ID, OWN.ANONYMOUS_ID, OWN.STRENGTH, OWN.SINCE, OWN.DECIDED_AT];

const MOST_ATTRIBUTES = 50;
const MOST_NAME_CHARACTERS = 200;

/** Which columns a file is to have, in this order, after the customer's id. */
export interface ColumnChoice {
  readonly columns: readonly ExportColumn[];
  /** Names of attributes, each a column of its own. */
  readonly attributes: readonly string[];
}

export const ownColumns = ({ columns }: ColumnChoice): OwnColumn[] => [CUSTOMER_ID, ...columns.map((column) => OWN[column])];
export const toColumns = (columns: readonly ExportColumn[]): exporting.ExportColumn[] => columns.map((column) => exporting.ExportColumn[column]);

/** Throws INVALID_ARGUMENT (reason COLUMNS_INVALID). */
export function columnChoice({ columns, attributes }: { readonly columns: exporting.ExportColumns | undefined; readonly attributes: readonly string[] }): ColumnChoice {
  const known = new Map((Object.keys(OWN) as ExportColumn[]).map((column) => [exporting.ExportColumn[column], column]));
  const chosen = columns?.columns.map((column) => known.get(column) ?? invalid('columns: one of them is unknown.')) ?? USUAL;
  const named = [...new Set(attributes)];
  if (named.length > MOST_ATTRIBUTES) throw invalid(`attributes: at most ${MOST_ATTRIBUTES} go in a file; ${named.length} were given.`);
  for (const name of named) {
    if (name === '' || name.length > MOST_NAME_CHARACTERS || !name.isWellFormed() || /\p{Cc}/u.test(name)) {
      throw invalid(`attributes: a name is 1 to ${MOST_NAME_CHARACTERS} printable characters.`);
    }
  }
  // Readers of Parquet take such columns for one.
  if (new Set(named.map((name) => name.toLowerCase())).size < named.length) throw invalid('attributes: two of them differ by capitals alone, which a file cannot hold side by side.');
  return { columns: [...new Set(chosen)], attributes: named };
}

function invalid(message: string): never {
  throw RpcError.invalid(message, { reason: 'COLUMNS_INVALID' });
}
