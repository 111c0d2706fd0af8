import { Client } from 'pg';

const LOGIN = 'kindred_app';

/**
 * A login that may assume the services' roles and is nothing by itself (NOINHERIT), and its URL. The
 * embedded default's services run under it, as production's do under theirs; run it after the migrations.
 */
export async function ensureServiceLogin(ownerUrl: string, password: string): Promise<string> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [LOGIN]);
    if (rowCount === 0) await client.query(`create role ${LOGIN} login noinherit nosuperuser nobypassrls`);
    await client.query(`alter role ${LOGIN} password ${client.escapeLiteral(password)}`);
    await client.query(`grant kindred_access, kindred_ingestion, kindred_training, kindred_serving to ${LOGIN}`);
  } finally {
    await client.end();
  }
  const url = new URL(ownerUrl);
  url.username = LOGIN;
  url.password = password;
  return url.href;
}
