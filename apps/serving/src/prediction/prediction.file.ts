import { validate } from 'uuid';

import { z } from '#libs/config';
import { head } from '#libs/contracts';

import { openParquet, type ParquetFile } from '../parquet/parquet.file.js';
import type { Said } from './said.js';

/** What a head says of one customer. */
export interface SaidOfCustomer extends Said {
  readonly customerId: string;
}

const AGREED = { name: 'predictions', reason: 'PREDICTIONS_INVALID', memoryLimit: '128MB' };
const customer = z.string().refine(validate, 'must be a UUID');
const number = z.number();

const PROBABILITIES = {
  ...AGREED,
  columns: 'customer::VARCHAR AS customer, probability::DOUBLE AS value, NULL AS low, NULL AS high',
  row: z.object({ customer, value: z.number().min(0).max(1), low: z.null(), high: z.null() }),
};
const NUMBERS = {
  ...AGREED,
  columns: 'customer::VARCHAR AS customer, number::DOUBLE AS value, low::DOUBLE AS low, high::DOUBLE AS high',
  row: z.object({ customer, value: number, low: number, high: number }),
};

/** predictions.parquet of a head. */
export function openPredictions(file: string, task: head.HeadTask): Promise<ParquetFile<SaidOfCustomer>> {
  const form = task === head.HeadTask.REGRESSION ? NUMBERS : PROBABILITIES;
  return openParquet<z.infer<typeof form.row>, SaidOfCustomer>(file, form, ({ customer: customerId, ...said }) => ({ customerId, ...said }));
}
