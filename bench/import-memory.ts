import { Command } from 'commander';
import { execa } from 'execa';

import type { Measured } from './import-memory/measured.ts';
import { atLeast, atMost, type Benchmark, markdown, type Recorded } from './measurement.ts';

const MILLION = 1_000_000;

export const benchmark: Benchmark = {
  about: 'peak memory of ingestion and rows a second while files of 1 and 10 million rows are imported (--hundred: of 100 million too; --millions 1,2 for others)',
  table: memoryTable,
  run: async ({ args, tell }) => {
    const command = new Command().option('--millions <list>', 'sizes of the files, in millions of rows', '1,10').option('--hundred', 'a file of 100 million rows too: about 8 GB of disk');
    const { millions, hundred } = command.parse([...args], { from: 'user' }).opts<{ millions: string; hundred?: true }>();
    const sizes = [...millions.split(',').map(Number), ...(hundred ? [100] : [])].map((size) => Math.round(size * MILLION));
    const all: Measured[] = [];
    for (const rows of sizes) {
      const one = await measured(rows);
      all.push(one);
      const { rowsPerSecond, peakMiB } = one;
      tell(`${rows.toLocaleString('en')} rows: ${rowsPerSecond.toLocaleString('en')} rows/s, ingestion had at most ${peakMiB} MiB`);
    }
    const [least, most] = [all[0] as Measured, all.at(-1) as Measured];
    return {
      figures: { measured: all },
      targets: [
        atMost(`peak memory at ${most.rows / MILLION} million rows, of that at ${least.rows / MILLION}`, 1.25, most.peakMiB / least.peakMiB, 2),
        atLeast(`rows/s at ${most.rows / MILLION} million rows, of those at ${least.rows / MILLION}`, 0.7, most.rowsPerSecond / least.rowsPerSecond, 2),
      ],
    };
  },
};

/** In a process of its own for each size, so that no peak is another one's. */
async function measured(rows: number): Promise<Measured> {
  const { stdout } = await execa(process.execPath, ['bench/import-memory/measure.ts', String(rows)], { stderr: 'inherit' });
  return JSON.parse(stdout) as Measured;
}

function memoryTable(results: readonly Recorded[]): string {
  return results
    .map(({ figures, machine, commit }) => {
      const rows = (figures['measured'] as Measured[]).map(({ rows: count, fileMiB, events, seconds, rowsPerSecond, peakMiB: peak }) => [count, fileMiB, events, seconds, rowsPerSecond, peak]);
      return `${markdown([['rows', 'file, MiB', 'events', 'seconds', 'rows/s', 'peak of ingestion, MiB'], ...rows])}\n\n${machine}; commit ${commit}.`;
    })
    .join('\n\n');
}
