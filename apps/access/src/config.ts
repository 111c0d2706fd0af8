import { serviceShape, z } from '#libs/config';

export const accessShape = {
  ...serviceShape,
  DATABASE_URL: z.url().describe('Postgres, a login that may assume the role kindred_access'),
};

export type AccessConfig = Readonly<z.infer<z.ZodObject<typeof accessShape>>>;
