import { rm } from 'node:fs/promises';

import { temporaryFolder } from '#libs/embedded';

import { Scratch } from './scratch.js';

const ROWS = 4_000_000;

test('what was read is given back, and is read again as it was', async () => {
  const workDir = await temporaryFolder('kindred-scratch');
  const scratch = await Scratch.open({ workDir, memory: '64MB', threads: 1 });
  try {
    await scratch.run(`CREATE TABLE numbers AS SELECT range AS number, hash(range) AS noise FROM range(${ROWS})`);
    const sum = () => scratch.rows('SELECT sum(number)::BIGINT AS total, bit_xor(noise) AS noise FROM numbers');
    const kept = async () => Number((await scratch.rows<{ bytes: string }>(`SELECT sum(memory_usage_bytes)::BIGINT AS bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'`))[0]?.bytes);
    const before = await sum();
    expect(await kept()).toBeGreaterThan(25_000_000);
    await scratch.release();
    expect(await kept()).toBeLessThanOrEqual(16_000_000);
    expect(await sum()).toEqual(before);
    // It may take as much as before.
    expect(await scratch.rows(`SELECT current_setting('memory_limit') AS most`)).toEqual([{ most: '61.0 MiB' }]);
  } finally {
    await scratch.close();
    await rm(workDir, { recursive: true, force: true });
  }
});
