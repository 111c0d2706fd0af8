export { createService, runService, type Service, type ServiceContext, type ServiceDefinitionOptions } from './service.js';
export { SERVICE } from './service.module.js';
