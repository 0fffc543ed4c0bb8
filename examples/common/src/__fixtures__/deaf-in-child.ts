import { runCommand } from 'flowmap/node';
// A command that never ends by itself and ignores every signal.

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
