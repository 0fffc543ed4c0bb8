import { runCommand } from 'flowmap/node';
import { TEACHER_OPTIONS } from './settings.js';
import { trainTeacher } from './teacher.js';

process.exitCode = await runCommand(
  {
    name: 'npm run train-teacher -w @flowmap/example-emoji --',
    description: 'Trains the teacher that comes with the example.',
    options: TEACHER_OPTIONS,
    run: trainTeacher,
  },
  process.argv.slice(2),
);
