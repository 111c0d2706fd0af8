export { Readiness } from './readiness.js';
export { createService, runService, type Service, type ServiceDefinitionOptions } from './service.js';
export type { ServiceContext } from './service-context.js';
export { SERVICE } from './service.module.js';
