import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { loadStudent, loadTeacher, machine, versions } from '@flowmap/example-common';
import {
  interruptible,
  openRuntime,
  pathOr,
  requiredPath,
  runCommand,
  RUNTIME_OPTIONS,
  type CommandContext,
  type Config,
} from 'flowmap/node';
import { emojiDataset } from './emoji-dataset.js';
import { SHIPPED_TEACHER } from './settings.js';
import { completeNumbers } from './tools/gaussian.js';
import { searchGrids } from './tools/grids.js';
import { showInpainting } from './tools/inpainting.js';
import { showInterpolation } from './tools/interpolation.js';
import { showInversion } from './tools/inversion.js';
import { showRewards } from './tools/rewards.js';
import { compareSolvers } from './tools/solvers.js';
import { picturesIn, type Workshop } from './tools/workshop.js';

const OPTIONS = {
  student: requiredPath('student of the emoji teacher, such as `npm start` leaves in out/emoji', 'FILE'),
  both: pathOr('one of `npm start -- --orders both`; left out unless given', 'FILE', null),
  ...RUNTIME_OPTIONS,
  out: pathOr('folder for pictures and numbers', 'DIR', 'out/emoji-tools'),
};

/** Draws what the tools make of emoji, and writes the numbers of docs/tools.md. */
async function showTools(options: Config<typeof OPTIONS>, { print, signal }: CommandContext): Promise<void> {
  const { model: teacher } = await loadTeacher(SHIPPED_TEACHER);
  const { model: student } = await loadStudent(options.student);
  const workshop: Workshop = {
    runtime: interruptible(await openRuntime(options), signal),
    data: await emojiDataset(student.network.config.shape[1]!),
    teacher,
    student,
    both: options.both === null ? undefined : (await loadStudent(options.both)).model,
    picture: picturesIn(options.out),
    print,
  };
  await showInterpolation(workshop);
  const { out, ...facts } = options;
  const metrics = {
    ...{ options: facts, machine: machine(), versions: versions(), date: new Date().toISOString().slice(0, 10) },
    numbers: await completeNumbers(workshop),
    rewards: await showRewards(workshop),
    inpainting: await showInpainting(workshop),
    inversion: await showInversion(workshop),
    grids: await searchGrids(workshop),
    solvers: await compareSolvers(workshop),
  };
  await writeFileAtomic(join(out, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  print(`pictures and metrics.json are in ${out}`);
}

process.exitCode = await runCommand(
  {
    name: 'npm run tools -w @flowmap/example-emoji --',
    description: 'Draws inversion, interpolation, inpainting and guidance by rewards, on emoji.',
    options: OPTIONS,
    run: showTools,
  },
  process.argv.slice(2),
);
