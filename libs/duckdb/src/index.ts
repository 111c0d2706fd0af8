// Before the library itself, which reads it while it loads.
import './allocator.js';

export { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
