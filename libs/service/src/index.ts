export { runService, type ServiceContext, type ServiceDefinitionOptions } from './service.js';
export { SERVICE } from './service.module.js';
