// `npm test`: everything, from a fresh clone to the sum of all runners.
import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { checks } from '../check/runners.ts';
import { jest, runAll } from './runner.ts';
import { withSystem } from './with-system.ts';

await bringUpToDate([...generate, ...compile], (line) => process.stderr.write(`${line}\n`));
await runAll([...checks, jest('contract'), withSystem((env) => [jest('e2e', env), jest('browser', env)]), jest('faults')]);
