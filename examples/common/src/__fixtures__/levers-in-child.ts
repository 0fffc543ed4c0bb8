// A run in a folder that kills its process when it asks for a batch of data: its arguments are the folder and which batch.
import { runExample } from '../run-example.js';
import { leversRun } from './levers-run.js';

const [out = '', batches] = process.argv.slice(2);
let asked = 0;
await runExample(
  await leversRun(out, () => {
    if (++asked > Number(batches)) process.kill(process.pid, 'SIGKILL');
  }),
);
