import type { Scratch } from '../scratch/scratch.js';
import { MappingError } from './import.mapping.js';

/**
 * Parts' worth of rows that are put in order at once. DuckDB sorts a table by merging runs as large as its memory, and holds a
 * block or more of each: beyond some hundred runs that alone is more than an import may have. Slices bound their number.
 */
const SLICE_PARTS = 20;
/** Units that DuckDB counts beside the rows: one for each step behind the reading of a table that is made, the first of them the sort. */
const STEPS_BEHIND = { sorted: 3, asItComes: 2 };

export interface StagingPlan {
  /** SELECT of the rows, with `line` and, where there are several parts, `part`. */
  readonly query: string;
  /** Parts that each row's `part` is one of. */
  readonly parts: number;
}

/** Fills table `staged` with a file's rows, those of one part beside one another, and tells how far it is. */
export class Staging {
  private phase: 'reading' | 'readingAndSorting' | 'sorting' | undefined;
  private share = 0;
  private slicesDone = 0;
  private slices = 1;

  constructor(private readonly scratch: Scratch) {}

  /** 0..1: half is reading where the rows are put in order behind it. */
  done(): number {
    const now = this.phase === undefined ? undefined : this.scratch.progress();
    if (now) this.share = Math.max(this.share, this.shareOf(now));
    return this.share;
  }

  /** Throws MappingError where DuckDB cannot do with the file what the mapping says. */
  async stage({ query, parts }: StagingPlan): Promise<void> {
    this.slices = Math.ceil(parts / SLICE_PARTS);
    try {
      if (this.slices > 1) await this.fillSliced(query);
      else await this.step(parts > 1 ? 'readingAndSorting' : 'reading', `CREATE OR REPLACE TABLE staged AS ${query}${parts > 1 ? ' ORDER BY part' : ''}`);
    } catch (error) {
      throw isOfTheData(error) ? new MappingError(`The mapping does not fit the file: ${firstLineOf(error)}`) : error;
    } finally {
      this.phase = undefined;
    }
  }

  /** As it comes, then slice by slice in order: a part lies in as many places as there are slices, and is found by its row groups' bounds. */
  private async fillSliced(query: string): Promise<void> {
    await this.step('reading', `CREATE OR REPLACE TABLE unsorted AS ${query}`);
    const [found] = await this.scratch.rows<{ lines: string }>('SELECT coalesce(max(line), 0)::BIGINT AS lines FROM unsorted');
    const size = Math.ceil(Number(found?.lines) / this.slices);
    await this.scratch.run('CREATE OR REPLACE TABLE staged AS SELECT * FROM unsorted LIMIT 0');
    for (this.slicesDone = 0; this.slicesDone < this.slices; this.slicesDone++) {
      const above = this.slicesDone * size;
      await this.step('sorting', `INSERT INTO staged SELECT * FROM unsorted WHERE line > ${above} AND line <= ${above + size} ORDER BY part`);
    }
    await this.scratch.run('DROP TABLE unsorted');
  }

  private async step(phase: NonNullable<Staging['phase']>, sql: string): Promise<void> {
    this.phase = phase;
    await this.scratch.run(sql);
  }

  private shareOf({ done, total }: { done: number; total: number }): number {
    if (this.phase === 'sorting') return (1 + (this.slicesDone + done / total) / this.slices) / 2;
    const rows = total - (this.phase === 'readingAndSorting' ? STEPS_BEHIND.sorted : STEPS_BEHIND.asItComes);
    const read = rows > 0 ? Math.min(done / rows, 1) : 0;
    const sorted = Math.min(Math.max(done - rows, 0), 1);
    if (this.phase === 'readingAndSorting') return (read + sorted) / 2;
    return this.slices > 1 ? read / 2 : read;
  }
}

/** Whether DuckDB found the file damaged, somewhere behind what was looked at first. */
export const isOfTheFile = (error: unknown) => (error as Error).message.includes('Failed to read file');
/** DuckDB names the kind of its errors first; those of memory, disk and interruption are not the mapping's. */
const isOfTheData = (error: unknown) => !isOfTheFile(error) && !/^(Out of Memory|IO|INTERRUPT|Internal|FATAL)\b/i.test((error as Error).message);
const firstLineOf = (error: unknown) => (error as Error).message.split('\n', 1)[0] ?? '';
