export { freePort } from './port.js';
export { type EmbeddedPostgres, startPostgres } from './postgres.js';
export { ensureServiceLogin } from './login.js';
export { type EmbeddedProcess, EmbeddedError } from './process.js';
export { type EmbeddedValkey, startValkey } from './valkey.js';
export { type TestPlatform, startTestPlatform } from './test-platform.js';
export { migratedCluster } from './migrated-cluster.js';
export { temporaryFolder, volatileFolder } from './temporary-folder.js';
export { type S3Server, startS3Server } from './s3-server.js';
