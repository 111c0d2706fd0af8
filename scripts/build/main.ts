// `npm run build`: generated code, services to dist/, admin page to apps/admin/dist.
import { bringUpToDate, compile, generate } from './steps.ts';

// An image of a service is built where there is no Python.
const steps = [...generate, ...compile].filter((step) => !process.argv.includes('--services') || step.name !== 'worker-messages');
await bringUpToDate(steps, (line) => process.stderr.write(`${line}\n`));
