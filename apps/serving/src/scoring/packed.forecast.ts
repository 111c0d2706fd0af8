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
  /** Probability and expected value of each target, little-endian float32. */
  readonly values: Buffer;
}

const NAMESPACE = 'b3a1c7f2-6c0e-4d59-9f0e-6d8f5a2f4c11';
const BYTES_EACH = 4;
/** What float32 holds. */
const DIGITS = 7;

export const NOTHING_FORESEEN: PackedForecast = { shape: shapeOf([]), values: Buffer.alloc(0) };

/** The one made last: nearly always the next forecast is of the same model. */
let last = NOTHING_FORESEEN.shape;

export function packForecast(forecast: readonly worker.EventForecast[]): PackedForecast {
  if (!isOf(last, forecast)) last = shapeOf(forecast.map(({ event, horizonDays }) => [event, horizonDays]));
  const values = Buffer.allocUnsafe(forecast.length * 2 * BYTES_EACH);
  let at = 0;
  for (const { probability, expectedValue } of forecast) at = values.writeFloatLE(expectedValue, values.writeFloatLE(probability, at));
  return { shape: last, values };
}

export function unpackForecast({ shape, values }: PackedForecast): worker.EventForecast[] {
  const read = (index: number) => Number(values.readFloatLE(index * BYTES_EACH).toPrecision(DIGITS));
  return shape.targets.map(([event, horizonDays], index) => ({ event, horizonDays, probability: read(index * 2), expectedValue: read(index * 2 + 1) }));
}

function shapeOf(targets: ForecastShape['targets']): ForecastShape {
  return { id: uuidOf(JSON.stringify(targets), NAMESPACE), targets };
}

function isOf({ targets }: ForecastShape, forecast: readonly worker.EventForecast[]): boolean {
  return targets.length === forecast.length && forecast.every(({ event, horizonDays }, index) => targets[index]?.[0] === event && targets[index][1] === horizonDays);
}
