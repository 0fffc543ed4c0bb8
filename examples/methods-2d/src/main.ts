import { runCommand } from 'flowmap/node';
import { runMethods } from './run.js';
import { METHODS_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-methods-2d --',
    description: 'Compares all objectives, each in 1 to 16 steps, by their distance from points of the plane.',
    options: METHODS_OPTIONS,
    run: runMethods,
  },
  process.argv.slice(2),
);
