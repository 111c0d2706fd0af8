// `npm run faults`: what must hold when parts die, against real parts, in its long form. `npm run faults -- NAME` runs
// the suites of tests/faults whose names begin so.
import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { jest, runAll } from '../test/runner.ts';

const name = process.argv[2];
await bringUpToDate([...generate, ...compile], (line) => process.stderr.write(`${line}\n`));
await runAll([jest('faults', { KINDRED_FAULTS: 'long' }, name === undefined ? [] : [`tests/faults/${name}`])]);
