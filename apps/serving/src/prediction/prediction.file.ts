import { validate } from 'uuid';

import { z } from '#libs/config';

import { openParquet, type ParquetFile } from '../parquet/parquet.file.js';

/** What a head says of one customer. */
export interface SaidProbability {
  readonly customerId: string;
  readonly probability: number;
}

const row = z.object({ customer: z.string().refine(validate, 'must be a UUID'), probability: z.number().min(0).max(1) });

const FORM = {
  name: 'predictions',
  reason: 'PREDICTIONS_INVALID',
  columns: 'customer::VARCHAR AS customer, probability::DOUBLE AS probability',
  row,
  memoryLimit: '128MB',
};

/** predictions.parquet of a head. */
export function openPredictions(file: string): Promise<ParquetFile<SaidProbability>> {
  return openParquet(file, FORM, ({ customer, probability }) => ({ customerId: customer, probability }));
}
