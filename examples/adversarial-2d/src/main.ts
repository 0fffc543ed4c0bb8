import { runCommand } from 'flowmap/node';
import { runAdversarial } from './run.js';
import { ADVERSARIAL_OPTIONS } from './settings.js';

process.exitCode = await runCommand(
  {
    name: 'npm start -w @flowmap/example-adversarial-2d --',
    description:
      'Shows on nine modes what adversarial finetuning adds to distillation from a right and a blurred teacher.',
    options: ADVERSARIAL_OPTIONS,
    run: runAdversarial,
  },
  process.argv.slice(2),
);
