import { DuckDBInstance } from '#libs/duckdb';

/** A misspelling touches at most a letter of so many; upper and lower case apart, which cost nothing. */
const LETTERS_A_SLIP = 3;
const LONGEST = 300;
const NEAREST = `
  WITH slips AS (
    SELECT u.name AS wanted, k.name, damerau_levenshtein(lower(u.name), lower(k.name)) AS slips
    FROM (SELECT unnest(from_json($wanted, '["VARCHAR"]')) AS name) u CROSS JOIN (SELECT unnest(from_json($known, '["VARCHAR"]')) AS name) k)
  SELECT wanted, name FROM slips WHERE slips <= greatest(1, length(wanted) // ${LETTERS_A_SLIP})
  QUALIFY row_number() OVER (PARTITION BY wanted ORDER BY slips, name) = 1`;

/** For each name that nobody has, the known one that it may be a misspelling of; names without one are left out. */
export async function nearestNames(wanted: readonly string[], known: readonly string[]): Promise<Map<string, string>> {
  const short = known.filter(({ length }) => length <= LONGEST);
  if (wanted.length === 0 || short.length === 0) return new Map();
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(NEAREST, { wanted: JSON.stringify(wanted), known: JSON.stringify(short) });
    return new Map(reader.getRows().map(([name, nearest]) => [String(name), String(nearest)]));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
