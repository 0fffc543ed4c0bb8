import { runCommand } from 'flowmap/node';
import { runTheorem } from './run.js';
import { THEOREM_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-multistep-theorem --',
    description: 'Shows how far samples of consistency models and flow maps are from the data in 1 to 128 steps.',
    options: THEOREM_OPTIONS,
    run: runTheorem,
  },
  process.argv.slice(2),
);
