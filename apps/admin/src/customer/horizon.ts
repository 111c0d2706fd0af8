/** How far ahead is looked at first, where the model can: a month is what people plan by. */
const USUAL_DAYS = 30;

/** Horizons of a forecast, days, shortest first. */
export function horizonsOf(forecast: readonly { horizonDays: number }[]): number[] {
  return [...new Set(forecast.map(({ horizonDays }) => horizonDays))].sort((one, other) => one - other);
}

/** Of the horizons that there are, the one nearest to a month, by how many times as long it is. */
export function usualHorizon(horizons: readonly number[]): number | undefined {
  const distance = (days: number): number => Math.abs(Math.log(days / USUAL_DAYS));
  return horizons.toSorted((one, other) => distance(one) - distance(other))[0];
}
