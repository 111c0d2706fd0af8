import { v5 as uuidOf } from 'uuid';

import type { worker } from '#libs/contracts';

/** What a model foresees of everybody, in its order: kept once, not with each customer. */
export interface ForecastShape {
  /** Made of the targets. */
  readonly id: string;
  readonly targets: readonly (readonly [event: string, horizonDays: number])[];
}

/** A customer's forecast. */
export interface PackedForecast {
  readonly shape: ForecastShape;
  /** Probability and expected value of each target, little-endian float32: as scorers answer them, and as rows keep them. */
  readonly values: Buffer;
}

/** One target, and what is foreseen of it. */
export interface Foreseen extends worker.ForecastTarget {
  readonly probability: number;
  readonly expectedValue: number;
}

const NAMESPACE = 'b3a1c7f2-6c0e-4d59-9f0e-6d8f5a2f4c11';
const BYTES_EACH = 4;
/** What float32 holds. */
const DIGITS = 7;

/** The one made last: nearly always the next forecast is of the same model. */
let last: ForecastShape = { id: uuidOf('[]', NAMESPACE), targets: [] };

export const NOTHING_FORESEEN: PackedForecast = { shape: last, values: Buffer.alloc(0) };

export function shapeOf(targets: readonly worker.ForecastTarget[]): ForecastShape {
  if (isOf(last, targets)) return last;
  const pairs = targets.map(({ event, horizonDays }) => [event, horizonDays] as const);
  last = { id: uuidOf(JSON.stringify(pairs), NAMESPACE), targets: pairs };
  return last;
}

export function packForecast(forecast: readonly Foreseen[]): PackedForecast {
  const values = Buffer.allocUnsafe(forecast.length * 2 * BYTES_EACH);
  let at = 0;
  for (const { probability, expectedValue } of forecast) at = values.writeFloatLE(expectedValue, values.writeFloatLE(probability, at));
  return { shape: shapeOf(forecast), values };
}

export function unpackForecast({ shape, values }: PackedForecast): Foreseen[] {
  const read = (index: number) => Number(values.readFloatLE(index * BYTES_EACH).toPrecision(DIGITS));
  return shape.targets.map(([event, horizonDays], index) => ({ event, horizonDays, probability: read(index * 2), expectedValue: read(index * 2 + 1) }));
}

function isOf({ targets }: ForecastShape, asked: readonly worker.ForecastTarget[]): boolean {
  return targets.length === asked.length && asked.every(({ event, horizonDays }, index) => targets[index]?.[0] === event && targets[index][1] === horizonDays);
}
