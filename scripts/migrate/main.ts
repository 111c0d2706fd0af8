// `node scripts/migrate/main.ts`: brings the database that DATABASE_URL (the owner's) names to this version's schema.
import { resolve } from 'node:path';

import { migrate, MigrationError } from '#libs/database';

const url = process.env['DATABASE_URL'];
if (!url) {
  process.stderr.write('Set DATABASE_URL to the database, as its owner: postgresql://owner:password@host:5432/kindred\n');
  process.exit(78);
}
try {
  const { applied, total } = await migrate(url, resolve('prisma/migrations'));
  process.stdout.write(`${total} migrations, ${applied.length} applied now${applied.length > 0 ? `: ${applied.join(', ')}` : ''}\n`);
  // The engine's limit on waiting for its lock, ten seconds, runs on when all is done.
  process.exit();
} catch (error) {
  if (!(error instanceof MigrationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
