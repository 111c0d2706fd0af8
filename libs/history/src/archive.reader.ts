import { DuckDBInstance } from '#libs/duckdb';

/** An event of an archive's file, its numbers as texts. */
export interface ArchivedEvent {
  readonly horizon: string;
  readonly sequence: string;
  readonly event_id: string;
  readonly subject_id: string;
  readonly type: string;
  readonly name: string;
  readonly message_id: string;
  /** ISO 8601, to the microsecond. */
  readonly occurred_at: string;
  readonly received_at: string;
  readonly time_clamped: boolean;
  /** JSON object. */
  readonly properties: string;
}

/** Which events of files are wanted. What is left out does not narrow. */
export interface ArchivedScope {
  readonly subjectIds?: readonly string[] | undefined;
  readonly eventIds?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  /** ISO 8601: only what happened after it. */
  readonly since?: string | undefined;
  /** Only what lies before this place in the order of time. */
  readonly before?: { readonly at: string; readonly sequence: string } | undefined;
  /** Only track, page and screen. */
  readonly isBehaviour?: boolean | undefined;
  /** So many of each subject, the latest. */
  readonly latest?: number | undefined;
}

const iso = (column: string) => `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%fZ') AS ${column}`;
const COLUMNS = `horizon::VARCHAR AS horizon, sequence::VARCHAR AS sequence, id::VARCHAR AS event_id, subject_id::VARCHAR AS subject_id, type, name, message_id,
  ${iso('occurred_at')}, ${iso('received_at')}, time_clamped, properties`;
/** Memory that reading files of any size may take. */
const MEMORY_LIMIT = '256MB';

/** Reads events of archives' files in pieces; which files there are, and that they are as written, is known before. */
export async function* readArchived(files: readonly string[], scope: ArchivedScope): AsyncGenerator<ArchivedEvent[]> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1', memory_limit: MEMORY_LIMIT, autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const { text, values } = statement(files, scope);
    const result = await connection.stream(text, values);
    for await (const rows of result.yieldRowObjectJson()) yield rows as unknown as ArchivedEvent[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Lists go as JSON, for they may be long. */
function statement(files: readonly string[], scope: ArchivedScope): { text: string; values: Record<string, string | number> } {
  const values: Record<string, string | number> = { files: JSON.stringify(files) };
  const where: string[] = ['subject_id IS NOT NULL'];
  const given = (name: string, value: string | number | undefined, condition: string) => {
    if (value === undefined) return;
    values[name] = value;
    where.push(condition);
  };
  const listed = (name: string, list: readonly string[] | undefined, column: string, type: string) =>
    given(name, list && JSON.stringify(list), `${column} IN (SELECT unnest(from_json($${name}, '["${type}"]')))`);
  listed('subjects', scope.subjectIds, 'subject_id', 'UUID');
  listed('events', scope.eventIds, 'id', 'UUID');
  listed('names', scope.names, 'name', 'VARCHAR');
  given('since', scope.since, 'occurred_at > $since::TIMESTAMPTZ');
  given('before', scope.before?.at, '(occurred_at, sequence) < ($before::TIMESTAMPTZ, $beforeSequence::BIGINT)');
  if (scope.before) values['beforeSequence'] = scope.before.sequence;
  if (scope.isBehaviour) where.push(`type IN ('track', 'page', 'screen')`);
  let latest = '';
  if (scope.latest !== undefined) {
    values['latest'] = scope.latest;
    latest = 'QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY e.occurred_at DESC, e.sequence DESC) <= $latest';
  }
  return { text: `SELECT ${COLUMNS} FROM read_parquet(from_json($files, '["VARCHAR"]')) AS e WHERE ${where.join(' AND ')} ${latest}`, values };
}
