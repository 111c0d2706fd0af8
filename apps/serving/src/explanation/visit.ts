import type { worker } from '#libs/contracts';

import type { Micros } from '../time/micros.js';

const MICROS_PER_DAY = 86_400_000_000;
/** Shares of gaps within and between visits, before visits are spoken of. */
const [WITHIN, BETWEEN] = [0.15, 0.03];
/** Of the lower of the two peaks beside it: how deep a valley must be. */
const VALLEY = 0.6;
/** Of the density of the gaps' logs, in their standard deviations. */
const BANDWIDTH = 0.15;
/** Gaps looked at. */
const [FEWEST, SAMPLE] = [200, 2_000];
/** Gaps that differ by less than this share come by the clock: a density of them has no width. */
const ALIKE = 1e-3;
const STEPS = 256;

/**
 * The time without an event that ends a visit: the clear valley, nearest to a day, of the density of the logs of the gaps
 * between neighbouring events; undefined where the gaps are of one kind. As the worker tells visits apart (data/visit.py).
 */
export function pauseBetweenVisits(lives: Iterable<readonly worker.ScoreEvent[]>): Micros | undefined {
  const gaps = [...lives].flatMap((life) => life.slice(1).map(({ occurredAt }, index) => occurredAt - (life[index]?.occurredAt ?? occurredAt))).filter((gap) => gap > 0);
  if (gaps.length < FEWEST) return undefined;
  const every = Math.max(1, Math.floor(gaps.length / SAMPLE));
  const logs = gaps.filter((_, index) => index % every === 0).map(Math.log).sort((a, b) => a - b);
  const [least = 0, most = 0] = [logs[0], logs.at(-1)];
  if (most - least < ALIKE) return undefined;
  const grid = Array.from({ length: STEPS }, (_, step) => least + ((most - least) * step) / (STEPS - 1));
  const density = densityOf(logs, grid);
  const shorter = (than: number) => logs.filter((log) => log < than).length / logs.length;
  const valleys = grid.filter((at, step) => {
    const here = density[step] ?? 0;
    const [before, after] = [density.slice(0, step), density.slice(step + 1)];
    const isLow = here < (before.at(-1) ?? 0) && here < (after[0] ?? 0) && here < VALLEY * Math.min(Math.max(...before), Math.max(...after));
    return isLow && shorter(at) >= WITHIN && 1 - shorter(at) >= BETWEEN;
  });
  const day = Math.log(MICROS_PER_DAY);
  const [nearest] = valleys.sort((a, b) => Math.abs(a - day) - Math.abs(b - day));
  return nearest === undefined ? undefined : Math.floor(Math.exp(nearest));
}

/** A customer's events, visit by visit. */
export function visitsOf(events: readonly worker.ScoreEvent[], pause: Micros): worker.ScoreEvent[][] {
  const visits: worker.ScoreEvent[][] = [];
  for (const event of events) {
    const visit = visits.at(-1);
    if (visit && event.occurredAt - (visit.at(-1)?.occurredAt ?? 0) <= pause) visit.push(event);
    else visits.push([event]);
  }
  return visits;
}

/** A sum of Gaussians around `logs`; its height means nothing. */
function densityOf(logs: readonly number[], grid: readonly number[]): number[] {
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const width = BANDWIDTH * Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1));
  return grid.map((at) => logs.reduce((sum, log) => sum + Math.exp(-(((at - log) / width) ** 2) / 2), 0));
}
