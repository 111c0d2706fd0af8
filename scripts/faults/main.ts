// `npm run faults`: what must hold when parts die, against a real system.
import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { jest, runAll } from '../test/runner.ts';

await bringUpToDate([...generate, ...compile], (line) => process.stderr.write(`${line}\n`));
await runAll([jest('faults')]);
