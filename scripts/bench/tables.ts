import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { type Benchmark, type Recorded, targetsTable } from '../../bench/measurement.ts';

const PAGE = join('docs', 'measurements.md');
const RESULTS = join('bench', 'results');

/** Replaces what stands between `<!-- bench NAME -->` and `<!-- end -->` by the table of what was measured; a benchmark without results keeps what stands there. */
export async function writeTables(names: readonly string[]): Promise<void> {
  let page = await readFile(PAGE, 'utf8');
  for (const name of names) {
    const { benchmark } = (await import(resolve('bench', `${name}.ts`))) as { benchmark: Benchmark };
    const results = await resultsOf(name);
    if (results.length === 0) continue;
    const place = new RegExp(`(<!-- bench ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
    const table = benchmark.table?.(results) ?? targetsTable(results);
    page = page.replace(place, (_, begin: string, end: string) => `${begin}${table}\n${end}`);
  }
  await writeFile(PAGE, page);
}

async function resultsOf(name: string): Promise<Recorded[]> {
  const files = (await readdir(RESULTS).catch(() => [])).filter((file) => file.endsWith('.json')).sort();
  const all = await Promise.all(files.map(async (file) => JSON.parse(await readFile(join(RESULTS, file), 'utf8')) as Recorded));
  return all.filter((result) => result.name === name);
}
