import type { Scratch } from '../scratch/scratch.js';
import { FAULT_SEPARATOR } from './import.query.js';
import { LINE, type Source } from './import.source.js';

const SEGMENT_TYPES = "('identify', 'track', 'page', 'screen', 'group', 'alias')";
/** Calls that are put in order and read at once. */
export const SEGMENT_PART_LINES = 50_000;

/** Whether a file's first lines are calls as Segment's clients send them. */
export async function isSegmentForm(scratch: Scratch, source: Source): Promise<boolean> {
  const names = new Set(source.columns.map(({ name }) => name));
  if (source.format !== 'ndjson' || !names.has('type') || !(names.has('userId') || names.has('anonymousId'))) return false;
  const [row] = await scratch.rows<{ known: boolean | null }>(
    `SELECT bool_and(coalesce(json_extract_string(object, '$.type') IN ${SEGMENT_TYPES}, false)) AS known FROM (SELECT object FROM ${source.relation} WHERE object IS NOT NULL LIMIT 1000)`,
  );
  return row?.known === true;
}

/** SQL of table `staged`, in the order of the lines; `digest` of a call that has no message id of its own. */
export const segmentQuery = (source: Source) => `
  SELECT ${LINE} AS line, object AS text, CASE WHEN object IS NULL THEN text END AS whole, NULL::VARCHAR AS skip,
    'ROW_MALFORMED${FAULT_SEPARATOR}' || ${source.fault} AS fault,
    CASE WHEN json_extract_string(object, '$.type') = 'track' THEN json_extract_string(object, '$.event') END AS name,
    TRY_CAST(json_extract_string(object, '$.timestamp') AS TIMESTAMPTZ) AS occurred_at,
    CASE WHEN coalesce(json_extract_string(object, '$.messageId'), '') = '' THEN md5_number(object) END AS digest
  FROM ${source.relation}`;

/** SQL of table `repeated`: lines without a message id that say the very same as an earlier one, and how many earlier ones there are. */
export const REPEATED_CALLS = `
  SELECT line, number FROM (
    SELECT line, row_number() OVER (PARTITION BY digest ORDER BY line) - 1 AS number FROM staged
    WHERE digest IN (SELECT digest FROM staged WHERE digest IS NOT NULL GROUP BY digest HAVING count(*) > 1)
  ) WHERE number > 0`;

/** SQL of the calls of a part of the lines, in their order: line, text, and the message id of one that has none. */
export function callQuery(part: number): string {
  const lines = `line > ${part * SEGMENT_PART_LINES} AND line <= ${(part + 1) * SEGMENT_PART_LINES}`;
  return `
    SELECT s.line, s.text, CASE WHEN s.digest IS NOT NULL THEN md5(s.text) || '-' || coalesce(r.number, 0) END AS message_id
    FROM (SELECT * FROM staged WHERE skip IS NULL AND fault IS NULL AND ${lines}) s
    LEFT JOIN (SELECT * FROM repeated WHERE ${lines}) r ON r.line = s.line ORDER BY s.line`;
}
