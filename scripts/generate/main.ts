// `npm run gen`: all generated code (messages, Prisma client, GraphQL types).
import { bringUpToDate, generate } from '../build/steps.ts';

await bringUpToDate(generate, (line) => process.stderr.write(`${line}\n`));
