/** What `npm run bench -- NAME` prints as its last line, and keeps under bench/results/. */
export interface Result {
  figures: Record<string, unknown>;
  targets: Target[];
}

export interface Target {
  what: string;
  target: string;
  measured: number | string;
  met: boolean;
}

/** One file in bench/ exports one of these as `benchmark`. */
export interface Benchmark {
  /** One line for the list. */
  readonly about: string;
  run(context: { args: readonly string[]; tell: (line: string) => void }): Promise<Result>;
}

export const atMost = (what: string, limit: number, measured: number): Target => ({ what, target: `<= ${limit}`, measured, met: measured <= limit });
export const atLeast = (what: string, limit: number, measured: number): Target => ({ what, target: `>= ${limit}`, measured, met: measured >= limit });
export const below = (what: string, limit: number, measured: number): Target => ({ what, target: `< ${limit}`, measured, met: measured < limit });
