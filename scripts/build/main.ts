// `npm run build`: generated code, services to dist/, admin page to apps/admin/dist.
import { bringUpToDate, compile, generate } from './steps.ts';

await bringUpToDate([...generate, ...compile], (line) => process.stderr.write(`${line}\n`));
