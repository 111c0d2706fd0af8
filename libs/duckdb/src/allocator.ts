/**
 * DuckDB's allocator keeps an arena of freed pages for every thread that ever asked it for memory, and Node's pool asks from
 * many: what was freed then stays resident far above memory_limit, the further the longer the work. Two arenas that give
 * pages back as soon as they are free hold the process to the limit, whatever the size of the data. It is read once, while
 * the library loads, by whoever is first: so this lib alone loads it.
 */
process.env['DUCKDB_JE_MALLOC_CONF'] ??= 'narenas:2,dirty_decay_ms:0,muzzy_decay_ms:0';
