import type { novelty } from '#libs/contracts';

/** What a workspace says instead of the model: one of the two, or nothing. */
export interface NoveltySetting {
  readonly quantile: number | null;
  readonly threshold: number | null;
}

/** From which novelty on one is unusual. */
export interface Threshold {
  readonly threshold: number;
  /** Share of ordinary ones below it; undefined where none was measured. */
  readonly quantile: number | undefined;
  readonly isOverridden: boolean;
}

/** Undefined where neither the model has measured one nor the workspace says one. */
export function customerThreshold(reach: novelty.NoveltyReach | undefined, setting: NoveltySetting): Threshold | undefined {
  const { threshold } = setting;
  if (threshold === null) return measuredThreshold(reach, setting);
  return { threshold, quantile: reach && quantileOf(reach, threshold), isOverridden: true };
}

/** Of events as well, for which a workspace can only say a share. */
export function measuredThreshold(reach: novelty.NoveltyReach | undefined, { quantile }: NoveltySetting): Threshold | undefined {
  if (!reach || reach.quantiles.length === 0) return undefined;
  const asked = quantile ?? reach.usual;
  return { threshold: noveltyAt(reach, asked), quantile: asked, isOverridden: quantile !== null };
}

/** Novelty below which a share of ordinary ones lies: between two that were measured, along the order of magnitude of what lies beyond. */
export function noveltyAt({ quantiles, novelty: reached }: novelty.NoveltyReach, quantile: number): number {
  return interpolated(quantiles.map(decades), reached, decades(quantile));
}

/** Share of ordinary ones below a novelty, as far as it was measured. */
export function quantileOf({ quantiles, novelty: reached }: novelty.NoveltyReach, threshold: number): number {
  return 1 - 10 ** -interpolated(reached, quantiles.map(decades), threshold);
}

/** How rare what lies beyond is: 3 is one in a thousand. */
function decades(quantile: number): number {
  return -Math.log10(1 - quantile);
}

/** Piecewise linear through points whose `xs` do not fall, flat outside of them. */
function interpolated(xs: readonly number[], ys: readonly number[], x: number): number {
  const above = xs.findIndex((known) => known >= x);
  const [first = 0, last = 0] = [ys[0], ys.at(-1)];
  if (above === 0) return first;
  if (above === -1) return last;
  const [from = 0, to = 0, low = 0, high = 0] = [xs[above - 1], xs[above], ys[above - 1], ys[above]];
  return to > from ? low + ((x - from) / (to - from)) * (high - low) : high;
}
