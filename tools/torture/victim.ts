// A training in a process of its own: its arguments are the folder, the seed and the number of steps.
import { trainVelocityField } from '@flowmap/train/node';
import { runCommand } from 'flowmap/node';
import { training } from './training.js';

const [out = '', seed, iterations] = process.argv.slice(2);
process.exitCode = await runCommand(
  {
    name: 'victim',
    description: 'A training.',
    options: {},
    run: async (_, { signal }) => {
      const more = { seed: Number(seed), iterations: Number(iterations), signal, progress: 'auto' } as const;
      const { completed } = await trainVelocityField(training(out, more));
      if (!completed) throw signal.reason;
    },
  },
  [],
);
