import { Command } from 'commander';

import { type Sheet, sheetOf } from './learning/part.ts';
import { CUTS, parts } from './learning/parts.ts';
import { cutTables, plainTable } from './learning/table.ts';
import { targets } from './learning/targets.ts';
import { type Benchmark, targetsTable } from './measurement.ts';

const list = (value: string) => value.split(',');

export const benchmark: Benchmark = {
  about: 'how good what is learned is, out of time, on Online Retail II at three cuts, CDNOW, the simulated shop, engines and the leak trap; novelty and few labels; and what anything could reach (--only PART,… --cuts DATE,… --seeds N)',
  table: (results) =>
    results
      .map((result) => {
        const sheets = Object.entries(result.figures as Record<string, Sheet>);
        const tables = sheets.map(([name, sheet]) => `### ${name}\n\n${typeof sheet.facts['cut'] === 'string' ? cutTables(sheet) : plainTable(sheet)}`);
        return `${targetsTable([result])}\n\n${tables.join('\n\n')}`;
      })
      .join('\n\n'),
  run: async ({ args, tell }) => {
    const { only, cuts, seeds } = new Command()
      .option('--only <parts>', 'names of parts, or how they begin, separated by commas', list)
      .option('--cuts <dates>', 'of Online Retail II, separated by commas', list, CUTS)
      .option('--seeds <n>', 'encoders trained at each cut', Number, 5)
      .parse([...args], { from: 'user' })
      .opts<{ only?: string[]; cuts: string[]; seeds: number }>();
    const every = parts({ cuts, seeds });
    const chosen = every.filter(({ name }) => only === undefined || only.some((part) => name.startsWith(part)));
    if (chosen.length === 0) throw new Error(`--only ${only?.join(',')}: there is no such part; there are ${every.map(({ name }) => name).join(', ')}`);
    const sheets: Record<string, Sheet> = {};
    // One after the other: what trains beside another would be timed wrongly.
    for (const part of chosen) sheets[part.name] = await sheetOf(part, tell);
    return { figures: sheets, targets: targets(sheets) };
  },
};
