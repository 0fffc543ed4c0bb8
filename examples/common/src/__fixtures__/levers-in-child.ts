// A run in a folder that kills its process when it requests a certain batch of data: the arguments are the folder and
// the batch.
import { runExample } from '../run-example.js';
import { leversRun } from './levers-run.js';

const [out = '', batches] = process.argv.slice(2);
let asked = 0;
await runExample(
  await leversRun(out, () => {
    if (++asked > Number(batches)) process.kill(process.pid, 'SIGKILL');
  }),
);
