import type { Client } from 'pg';

/** Tables of ingestion in which a text stands anywhere, as it is or as bytes. */
export async function tablesWith(sql: Client, text: string): Promise<string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'ingestion' AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const holds = `SELECT count(*)::int AS rows FROM ingestion.${name} t WHERE position($1 in t::text) > 0 OR position($2 in t::text) > 0`;
    if ((await sql.query<{ rows: number }>(holds, [text, Buffer.from(text).toString('hex')])).rows[0]?.rows) found.push(name);
  }
  return found;
}
