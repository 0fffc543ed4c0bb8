import { runCommand } from 'flowmap/node';
import { runEmoji } from './run.js';
import { EMOJI_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start --',
    description: 'Distils a teacher of emoji images into a flow map that draws them in 1 to 8 steps, and reports.',
    options: EMOJI_OPTIONS,
    run: runEmoji,
  },
  process.argv.slice(2),
);
