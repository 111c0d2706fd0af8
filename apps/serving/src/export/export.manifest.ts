import { z } from '#libs/config';

const count = z.number().int().nonnegative();

/** What a file holds, as it lies beside it and in the export's row. Format `kindred.export/1` (docs/api/export.md). */
const exportManifest = z.object({
  format: z.literal('kindred.export/1'),
  exportId: z.string(),
  segment: z.object({ id: z.string(), name: z.string() }),
  /** How the segment was drawn: by which model, and when. Null for one that people defined. */
  model: z.string().nullable(),
  versionAt: z.string(),
  /** By the workspace's clock. */
  asOf: z.string(),
  newestEventAt: z.string().nullable(),
  /** Customers whom the served model had read by then, also where people defined the segment. Exports of before this was kept have none, nor have those of an earlier time. */
  read: z.object({ placed: count, unlikeAnythingSeen: count }).optional(),
  file: z.object({ name: z.string(), format: z.enum(['CSV', 'PARQUET']), rows: count, bytes: count, sha256: z.string() }),
  /** In their order. Exports of before they could be chosen name none, and hold what was held then. */
  columns: z.array(z.object({ name: z.string(), type: z.enum(['VARCHAR', 'DOUBLE', 'BIGINT', 'BOOLEAN', 'TIMESTAMP WITH TIME ZONE']) })).optional(),
  /** Counted in the statement that listed them; rows = members - leftOut - forgotten. */
  members: count,
  leftOut: z.object({ erased: count, suppressed: count }),
  /** Rows taken out since, for people who were erased or suppressed. */
  forgotten: count,
});
export type ExportManifest = z.infer<typeof exportManifest>;
