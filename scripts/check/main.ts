// `npm run check`: the fast part of `npm test`.
import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { runAll } from '../test/runner.ts';
import { checks } from './runners.ts';

await bringUpToDate([...generate, ...compile], (line) => process.stderr.write(`${line}\n`));
await runAll(checks);
