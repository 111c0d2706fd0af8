import { defineConfig } from 'prisma/config';

// For `prisma migrate deploy` and `prisma generate`; DATABASE_URL is the owner's.
export default defineConfig({
  schema: 'prisma/schema',
  migrations: { path: 'prisma/migrations' },
  ...(process.env['DATABASE_URL'] ? { datasource: { url: process.env['DATABASE_URL'] } } : {}),
});
