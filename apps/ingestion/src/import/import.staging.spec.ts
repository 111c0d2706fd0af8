import { rm } from 'node:fs/promises';

import { temporaryFolder } from '#libs/embedded';

import { Scratch } from '../scratch/scratch.js';
import { MappingError } from './import.mapping.js';
import { Staging } from './import.staging.js';

const ROWS = 2_000_000;
const PARTS = 200;
/** About 90 bytes a row: six times the memory. */
const QUERY = `SELECT range + 1 AS line, (hash(range) % ${PARTS})::INTEGER AS part, md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS text FROM range(${ROWS})`;

let workDir: string;
let scratch: Scratch;
beforeEach(async () => {
  workDir = await temporaryFolder('kindred-staging');
  scratch = await Scratch.open({ workDir, memory: '32MB', threads: 2 });
});
afterEach(async () => {
  await scratch.close();
  await rm(workDir, { recursive: true, force: true });
});

test('rows of many times the memory are put in order, each once, where sorting them at once is more than the memory holds', async () => {
  await expect(scratch.run(`CREATE TABLE sorted AS ${QUERY} ORDER BY part`)).rejects.toThrow('Out of Memory');
  const staging = new Staging(scratch);
  let told = 0;
  const watch = setInterval(() => {
    expect(staging.done()).toBeGreaterThanOrEqual(told);
    told = staging.done();
  }, 20);
  await staging.stage({ query: QUERY, parts: PARTS }).finally(() => clearInterval(watch));
  expect(told).toBeGreaterThan(0.5);
  expect(told).toBeLessThanOrEqual(1);
  expect(await scratch.rows('SELECT count(*) AS rows, count(DISTINCT line) AS lines, min(line) AS first, max(line) AS last FROM staged')).toEqual([
    { rows: String(ROWS), lines: String(ROWS), first: '1', last: String(ROWS) },
  ]);
  // A part begins once in each of the ten slices and nowhere else, so that reading it passes over all others.
  const [begun] = await scratch.rows<{ most: string }>(
    'SELECT max(times) AS most FROM (SELECT part, count(*) AS times FROM (SELECT part, lag(part) OVER (ORDER BY rowid) AS former FROM staged) WHERE part IS DISTINCT FROM former GROUP BY part)',
  );
  expect(Number(begun?.most)).toBe(10);
});

test('what was interrupted stays so, between two slices too', async () => {
  const staged = new Staging(scratch).stage({ query: QUERY, parts: PARTS });
  scratch.interrupt();
  const error: unknown = await staged.catch((found: unknown) => found);
  expect(error).not.toBeInstanceOf(MappingError);
  expect(error).toMatchObject({ message: expect.stringContaining('INTERRUPT') as string });
  await expect(scratch.rows('SELECT 1')).rejects.toThrow(/INTERRUPT/);
});

test('what the data is at fault for is told as a mapping that does not fit', async () => {
  await expect(new Staging(scratch).stage({ query: `SELECT 1 AS line, 'x'::INTEGER AS part`, parts: 1 })).rejects.toBeInstanceOf(MappingError);
});
