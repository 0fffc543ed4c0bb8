import { euler, flowMapSampler, heun } from '@flowmap/core';
import {
  openRuntime,
  pathOr,
  requiredPath,
  runCommand,
  wholes,
  RUNTIME_OPTIONS,
  type CommandContext,
  type Config,
} from 'flowmap/node';
import { endpointRmse, REFERENCE_STEPS, sampleFixedNoises } from './evaluate.js';
import { loadStudent, loadTeacher } from './run-folder.js';

const OPTIONS = {
  teacher: requiredPath('checkpoint of the teacher', 'FILE'),
  student: pathOr('checkpoint of the student; the teacher alone unless given', 'FILE', null),
  steps: wholes('numbers of steps', [1, 2, 4, 8, 16, 32]),
  ...RUNTIME_OPTIONS,
};

/** Prints the endpoint RMSE of a teacher by Euler's method, and of its student, in any numbers of steps. */
async function printEndpointErrors(options: Config<typeof OPTIONS>, { print, signal }: CommandContext): Promise<void> {
  const runtime = await openRuntime(options);
  const evaluation = { runtime, signal };
  const { model: teacher } = await loadTeacher(options.teacher);
  const [reference] = await sampleFixedNoises(teacher, heun(), [REFERENCE_STEPS], evaluation);
  const row = (name: string, cells: readonly string[]): void => print(`| ${[name, ...cells].join(' | ')} |`);
  row(
    'steps',
    options.steps.map((steps) => String(steps)),
  );
  row(
    '---',
    options.steps.map(() => '---:'),
  );
  const models = [{ name: 'teacher (Euler)', model: teacher, sampler: euler() }];
  if (options.student !== null) {
    const { model } = await loadStudent(options.student);
    models.push({ name: 'student (flow map)', model, sampler: flowMapSampler() });
  }
  for (const { name, model, sampler } of models) {
    const samples = await sampleFixedNoises(model, sampler, options.steps, evaluation);
    row(
      name,
      samples.map((points) => endpointRmse(points, reference!).toFixed(4)),
    );
  }
}

process.exitCode = await runCommand(
  {
    name: 'npm run endpoint-errors -w @flowmap/example-common --',
    description: 'Prints how far teacher and student end from where the teacher leads, in any numbers of steps.',
    options: OPTIONS,
    run: printEndpointErrors,
  },
  process.argv.slice(2),
);
