// Units run from source; `npm test` runs the slower suites by their own project names.
const project = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  testEnvironment: '<rootDir>/tests/environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^#libs/([^/]+)$': '<rootDir>/libs/$1/src/index.ts', '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.kindred/', '<rootDir>/.venv/'],
  ...more,
});

export default {
  testTimeout: 60_000,
  projects: [
    project('unit', ['<rootDir>/apps/*/src/**/*.spec.ts', '<rootDir>/libs/*/src/**/*.spec.ts', '<rootDir>/scripts/**/*.spec.ts', '<rootDir>/bench/**/*.spec.ts']),
    project('contract', ['<rootDir>/tests/contract/**/*.spec.ts']),
    project('e2e', ['<rootDir>/tests/e2e/**/*.spec.ts']),
    project('browser', ['<rootDir>/tests/browser/**/*.spec.ts']),
    project('faults', ['<rootDir>/tests/faults/**/*.spec.ts']),
  ],
};
