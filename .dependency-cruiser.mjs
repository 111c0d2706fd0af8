// The import law (docs/architecture.md), held by a linter and not by prose.
const lib = (name) => `^libs/${name}/`;
/** What each lib may import of ours; everything else is forbidden. */
const layers = {
  config: [],
  contracts: [],
  duckdb: [],
  telemetry: ['config'],
  grpc: ['config', 'telemetry', 'contracts'],
  artifacts: ['config', 'telemetry'],
  queue: ['config', 'telemetry'],
  database: ['config', 'telemetry', 'contracts'],
  history: ['config', 'telemetry', 'contracts', 'database', 'artifacts', 'duckdb'],
  auth: ['config', 'telemetry', 'contracts', 'grpc'],
  service: ['config', 'telemetry', 'contracts', 'grpc', 'auth'],
  embedded: ['config', 'telemetry', 'database'],
};

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-app-imports-an-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/([^/]+)/', pathNot: '^apps/$1/' },
    },
    { name: 'no-lib-imports-an-app', severity: 'error', from: { path: '^libs/' }, to: { path: '^(apps|scripts|tests|bench)/' } },
    {
      name: 'libs-by-their-index-only',
      severity: 'error',
      from: { path: '^(apps|scripts|tests|bench)/' },
      to: { path: '^libs/', pathNot: '^libs/[^/]+/src/index\\.ts$' },
    },
    ...Object.entries(layers).map(([name, allowed]) => ({
      name: `lib-${name}-knows-its-place`,
      severity: 'error',
      from: { path: lib(name), pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/', pathNot: [lib(name), ...allowed.map(lib)] },
    })),
    {
      name: 'gateway-holds-no-database-and-no-queue',
      severity: 'error',
      from: { path: '^apps/gateway/' },
      to: { path: ['^libs/(database|queue)/', 'node_modules/(bullmq|ioredis|@prisma|pg)/'] },
    },
    {
      // Whoever loads the library first decides how it keeps memory.
      name: 'duckdb-behind-its-lib',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['^libs/duckdb/', '\\.spec\\.ts$'] },
      to: { path: 'node_modules/@duckdb/' },
    },
    { name: 'admin-imports-no-lib', severity: 'error', from: { path: '^apps/admin/' }, to: { path: '^libs/' } },
    { name: 'simulator-is-a-client', severity: 'error', from: { path: '^apps/simulator/' }, to: { path: '^libs/' } },
    {
      name: 'services-use-repositories',
      severity: 'error',
      from: { path: '^apps/.*\\.(service|controller|processor|resolver|mapper)\\.ts$' },
      to: { path: 'node_modules/(@prisma/client|pg)/' },
    },
    {
      name: 'never-upwards',
      severity: 'error',
      from: { path: '^apps/.*\\.(repository|mapper|states)\\.ts$' },
      to: { path: '\\.(service|controller|processor|resolver|module)\\.ts$' },
    },
    {
      name: 'bullmq-behind-processors-and-queues',
      severity: 'error',
      from: { path: '^apps/.*\\.(service|controller|mapper|repository)\\.ts$' },
      to: { path: 'node_modules/bullmq/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(gen|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'node', 'default', 'types'], extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'] },
  },
};
