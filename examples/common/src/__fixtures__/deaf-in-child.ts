// A command that never ends by itself, whatever it is told.
import { runCommand } from '../command.js';

await runCommand(
  {
    name: 'test',
    description: 'Never ends.',
    options: {},
    run: (_, { print }) =>
      new Promise<never>(() => {
        setInterval(() => print('here'), 20);
      }),
  },
  [],
);
