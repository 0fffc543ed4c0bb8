// Times the fused training step and its parts, and the preparation of a large program: `npm run bench`; its options choose
// other benchmarks, `npm run bench -- --help` lists them.
import { cpus } from 'node:os';
import { AYF_EMD_PRESETS, OBJECTIVE_NAMES, type AyfEmdPreset } from '@flowmap/objectives';
import { choice, choices, flag, pathOr, positive, runCommand, whole, type Config } from 'flowmap/node';
import { timeAdversarialSteps } from './adversarial.js';
import { compareAdversarialPeer } from './adversarial-peer.js';
import { timeEvaluation } from './evaluation.js';
import { timeExported } from './exported.js';
import { timeFrechetDistance } from './frechet-distance.js';
import { measureFrozenMemory } from './frozen-memory.js';
import { timeGuidance } from './guidance-cost.js';
import { trainGuidedStudents } from './guided-student.js';
import { timeImported } from './imported.js';
import { compareImportedPeer } from './imported-peer.js';
import { compareInPlace } from './in-place.js';
import { timeLargeProgram } from './large-program.js';
import { timeManyImages } from './many-images.js';
import { trainMixtureStudents } from './mixture-students.js';
import { timeObjectives } from './objective-costs.js';
import { compareOpaqueTeacher } from './opaque-teacher.js';
import { peerTasks } from './peer-tasks.js';
import { comparePeers } from './peers.js';
import { timeSteps } from './steps.js';

const presets = Object.keys(AYF_EMD_PRESETS) as AyfEmdPreset[];

const BENCH_OPTIONS = {
  runs: whole('times that each step is timed', 15),
  threads: whole('threads of the computation on the CPU', cpus().length),
  device: choice('where to compute', ['cpu', 'webgpu', 'cuda'], 'cpu'),
  stepsPerRun: whole('time the steps also with so many in one call', 1),
  profile: flag('add a table of operators'),
  inPlace: flag('the training steps with and without the C API'),
  peers: flag('the steps beside those of PyTorch, JAX and jax-js'),
  exported: flag('a sampler beside its exported file in plain onnxruntime, in Node and in Chromium'),
  imported: flag(
    'imported models beside the original files in plain onnxruntime; with --peers also a distillation step beside PyTorch',
  ),
  models: pathOr('folder of the files of --imported', 'DIR', 'out/models'),
  eval: flag('a Fréchet distance'),
  evaluation: flag('networks, images, distances, precision and recall beside PyTorch, SciPy and Pillow, on one thread'),
  adversarial: flag(
    'the phases of an adversarial finetuning in units of the AYF-EMD step; with --peers also beside PyTorch',
  ),
  guidance: flag('no times, but how right one student is at all scales of guidance'),
  guidanceCost: flag('guidance in two calls and in one, inside and outside the step'),
  memory: flag('the memory of a frozen sampler, on Linux'),
  manyImages: whole('so many images of 24 x 24, written, read and removed: times and memory, on Linux', null),
  mixture: flag('no times, but how near the exact map of a mixture students of presets or objectives end'),
  objectives: flag('a step of each objective in evaluations of the network, beside its operations'),
  preset: choices('presets of --mixture', presets, presets),
  objective: choices('objectives of --mixture, in place of presets, and of --objectives', OBJECTIVE_NAMES, []),
  seeds: whole('seeds; 5 for --mixture and 3 for --guidance unless given', null),
  iterations: whole('steps of each student; 12,000 for --mixture and 8,000 for --guidance unless given', null),
  rate: positive('learning rate of --mixture', 2e-3),
  opaque: flag('the steps with a teacher that only runs'),
  python: pathOr('the Python of --peers and --evaluation', 'FILE', 'python3'),
  tfjsNode: pathOr('folder of a built @tensorflow/tfjs-node, for --peers', 'DIR', null),
  rounds: whole('rounds of the benchmarks that take turns', 7),
  task: choice('the only task of --peers', Object.keys(peerTasks(true)), null),
  small: flag('small networks: to try a benchmark, its figures say nothing about speed'),
};

async function bench(options: Config<typeof BENCH_OPTIONS>): Promise<void> {
  const { threads, rounds, small } = options;
  if (options.adversarial) {
    await timeAdversarialSteps(threads, rounds);
    if (options.peers) await compareAdversarialPeer({ python: options.python, threads, rounds, small });
  } else if (options.imported) {
    const { models, python, peers } = options;
    await timeImported({ models, threads, rounds, small });
    if (peers) await compareImportedPeer({ models, python, threads, rounds, small });
  } else if (options.peers) {
    const { python, task, tfjsNode } = options;
    await comparePeers({ python, rounds, threads, task: task ?? undefined, small, tfjsNode: tfjsNode ?? undefined });
  } else if (options.exported) {
    await timeExported({ threads, rounds, small });
  } else if (options.eval) {
    timeFrechetDistance(2048, rounds);
  } else if (options.evaluation) {
    await timeEvaluation({ python: options.python, rounds, small });
  } else if (options.memory) {
    await measureFrozenMemory(threads);
  } else if (options.manyImages !== null) {
    await timeManyImages(options.manyImages, threads, rounds);
  } else if (options.guidance) {
    await trainGuidedStudents(options.seeds ?? 3, options.iterations ?? 8000);
  } else if (options.guidanceCost) {
    await timeGuidance(threads, rounds);
  } else if (options.mixture) {
    const { preset: presets, objective: objectives, rate } = options;
    const [seeds, iterations] = [options.seeds ?? 5, options.iterations ?? 12_000];
    await trainMixtureStudents({ presets, objectives, seeds, iterations, rate });
  } else if (options.objectives) {
    await timeObjectives({ threads, rounds, small, objectives: options.objective });
  } else if (options.opaque) {
    await compareOpaqueTeacher(threads, rounds);
  } else if (options.inPlace) {
    await compareInPlace(threads, rounds, small);
  } else {
    const { runs, device, stepsPerRun, profile } = options;
    await timeSteps({ runs, threads, device, stepsPerRun, profile });
    await timeLargeProgram(runs);
  }
}

process.exitCode = await runCommand(
  {
    name: 'npm run bench --',
    description:
      'Times training steps and their parts, and the preparation of a large program, or what an option names.',
    options: BENCH_OPTIONS,
    run: bench,
    resumes: false,
  },
  process.argv.slice(2),
);
