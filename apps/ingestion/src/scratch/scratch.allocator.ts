/**
 * DuckDB's allocator keeps an arena of freed pages for every thread that ever asked it for memory, and Node's pool asks from
 * many: what was freed then stays resident far above memory_limit. Two arenas that give pages back within a quarter of a
 * second hold the process to the limit. It is read once, while the library loads: import this before it.
 */
process.env['DUCKDB_JE_MALLOC_CONF'] ??= 'narenas:2,dirty_decay_ms:250,muzzy_decay_ms:0';
