import { openDatabase } from '#libs/database';

import { startTestPlatform, type TestPlatform } from './test-platform.js';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startTestPlatform();
});
afterAll(() => platform.close());

test('services act under their own role, which cannot pass row-level security', async () => {
  const database = openDatabase({ url: platform.databaseUrl, service: 'ingestion' });
  try {
    const { rows } = await database.pool.query<{ name: string; bypasses: boolean }>(
      'select current_user as name, (select rolbypassrls or rolsuper from pg_roles where rolname = current_user) as bypasses',
    );
    expect(rows).toEqual([{ name: 'kindred_ingestion', bypasses: false }]);
    await expect(database.pool.query('select * from access.workspaces')).rejects.toThrow(/permission denied/);
  } finally {
    await database.close();
  }
});
