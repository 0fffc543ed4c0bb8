import { runCommand } from 'flowmap/node';
import { runGuidance } from './run.js';
import { GUIDANCE_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-guidance-2d --',
    description: 'Compares no guidance, classifier-free guidance and autoguidance on two trees of thin branches.',
    options: GUIDANCE_OPTIONS,
    run: runGuidance,
  },
  process.argv.slice(2),
);
