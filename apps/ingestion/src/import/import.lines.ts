import type { Scratch } from '../scratch/scratch.js';

/** Runs of broken lines that are told apart; where a file has more, what lies behind them is told by too low a line. */
const MOST_RUNS = 100_000;

/** How many broken lines stand before what is numbered so: the reader numbers only those that it could read. FROM-able. */
export const BROKEN_BEFORE = `(
  SELECT line - n AS line, max(n) AS before FROM (SELECT line::BIGINT AS line, row_number() OVER (ORDER BY line) AS n FROM broken) GROUP BY ALL)`;

/** The lines of a file behind those that are broken: the nth broken one, in line l, stands before what is numbered from l - n + 1 on. */
export class FileLines {
  private constructor(
    private readonly headerLines: number,
    private readonly from: Float64Array,
    private readonly before: Float64Array,
  ) {}

  static async of(scratch: Scratch, headerLines: number): Promise<FileLines> {
    const runs = await scratch.rows<{ line: string; before: string }>(`SELECT line, before FROM ${BROKEN_BEFORE} ORDER BY line LIMIT ${MOST_RUNS}`);
    return new FileLines(headerLines, Float64Array.from(runs, ({ line }) => Number(line)), Float64Array.from(runs, ({ before }) => Number(before)));
  }

  /** The line in the file of a row by its number among those that could be read, both from 1. */
  of(row: number): number {
    const line = this.headerLines + row;
    let [low, high] = [0, this.from.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.from[middle] ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    return line + (this.before[low - 1] ?? 0);
  }
}
