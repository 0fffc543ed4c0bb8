import { runCommand } from 'flowmap/node';
import { runImageFolder } from './run.js';
import { IMAGE_FOLDER_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-image-folder --',
    description: 'Trains a teacher on a folder of images, distils it into a flow map of 1 to 8 steps, and reports.',
    options: IMAGE_FOLDER_OPTIONS,
    run: runImageFolder,
  },
  process.argv.slice(2),
);
