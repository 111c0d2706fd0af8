import { z } from '#libs/config';

const vocabulary = z.object({ words: z.array(z.string()), buckets: z.number().int().nonnegative() });
const category = z.object({ name: z.string(), kind: z.enum(['categorical', 'boolean']), vocabulary });
const number = z.object({ name: z.string(), kind: z.enum(['numeric', 'time']), mean: z.number(), deviation: z.number().positive() });
const list = z.object({ name: z.string(), categories: z.array(category), numbers: z.array(number) });

/** What the encoder sees of an event: a bundle's features.json, as far as scoring needs it. */
export const featureSpec = z.object({
  format: z.literal('kindred.features/1'),
  hash: z.literal('crc32'),
  itemLimit: z.number().int().positive(),
  clip: z.number().positive(),
  timezone: z.string(),
  names: vocabulary,
  categories: z.array(category),
  numbers: z.array(number),
  items: z.array(list),
});

export type FeatureSpec = z.infer<typeof featureSpec>;
export type VocabularySpec = z.infer<typeof vocabulary>;
export type CategoryFeature = z.infer<typeof category>;
export type NumberFeature = z.infer<typeof number>;
export type ListFeature = z.infer<typeof list>;
