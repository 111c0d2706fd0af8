/** When the next event of a kind comes, in days from the reading; null beyond the longest horizon. */
export interface ForecastTime {
  /** It has come by then in half of the cases, in a tenth, in nine tenths. */
  readonly median: number | null;
  readonly earliest: number | null;
  readonly latest: number | null;
}

/** Probability of at least one event within a horizon. */
export interface HorizonChance {
  readonly horizonDays: number;
  readonly probability: number;
}

/**
 * Quantiles of the time to the next event, from its chances within several horizons. They are a discrete hazard (the
 * worker's objectives/horizon.py); within a step the hazard is taken as constant.
 */
export function timeOf(chances: readonly HorizonChance[]): ForecastTime {
  const curve = chances.toSorted((one, other) => one.horizonDays - other.horizonDays);
  return { median: quantile(curve, 0.5), earliest: quantile(curve, 0.1), latest: quantile(curve, 0.9) };
}

function quantile(curve: readonly HorizonChance[], share: number): number | null {
  const wanted = -Math.log1p(-share);
  let [days, hazard] = [0, 0];
  for (const { horizonDays, probability } of curve) {
    const next = -Math.log1p(-probability);
    if (next >= wanted) return next === Number.POSITIVE_INFINITY ? days + (horizonDays - days) * share : days + ((horizonDays - days) * (wanted - hazard)) / (next - hazard);
    [days, hazard] = [horizonDays, next];
  }
  return null;
}
