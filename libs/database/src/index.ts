export { type Database, openDatabase, type DatabaseOptions, type Transaction } from './database.js';
export { migrate, MigrationError, type MigrationReport } from './migrate.js';
export { type Position, positionAfter, ZERO_POSITION } from './position.js';
export { isStorable } from './storable.js';
export * as schema from './gen/client.js';
export { Prisma } from './gen/client.js';
