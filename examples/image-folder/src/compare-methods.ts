import { runCommand } from 'flowmap/node';
import { compareMethods } from './methods/run.js';
import { METHODS_OPTIONS } from './methods/settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm run methods -w @flowmap/example-image-folder --',
    description: 'Distils a teacher by several methods in equal processor time, and compares their samples.',
    options: METHODS_OPTIONS,
    run: compareMethods,
  },
  process.argv.slice(2),
);
