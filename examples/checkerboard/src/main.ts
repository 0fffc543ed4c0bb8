import { runCommand } from 'flowmap/node';
import { runCheckerboard } from './run.js';
import { CHECKERBOARD_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-checkerboard --',
    description:
      'Trains a teacher on a checkerboard of points, distils it into a flow map of 1 to 8 steps, and reports.',
    options: CHECKERBOARD_OPTIONS,
    run: runCheckerboard,
  },
  process.argv.slice(2),
);
