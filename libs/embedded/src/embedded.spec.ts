import { randomUUID } from 'node:crypto';

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

test.each([true, false])('reads beside one another see each its own workspace, and one that fails spoils no other (pipelined: %s)', async (pipeline) => {
  const database = openDatabase({ url: platform.databaseUrl, service: 'ingestion', connections: 2, pipeline });
  try {
    const text = 'select kindred.workspace() as workspace, 12 / $1::int as share';
    const workspaces = Array.from({ length: 20 }, () => randomUUID());
    const reads = workspaces.map((workspace, index) => database.read<{ workspace: string; share: number }>(workspace, { name: 'share', text, values: [index % 4] }, { isPlannedOnce: true }));
    for (const [index, answer] of (await Promise.allSettled(reads)).entries()) {
      if (index % 4 === 0) expect(answer).toMatchObject({ status: 'rejected', reason: { code: '22012' } });
      else expect(answer).toEqual({ status: 'fulfilled', value: [{ workspace: workspaces[index], share: 12 / (index % 4) }] });
    }
  } finally {
    await database.close();
  }
});
