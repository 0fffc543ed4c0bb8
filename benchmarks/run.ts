// Times the fused training step and its parts, and the preparation of a large program: `npm run bench`, with
// `--profile` for a table of operators, with `--steps-per-run` for several steps in one call; with `--peers` beside
// PyTorch, JAX and jax-js; with `--in-place` the training steps with and without the C API; with `--opaque` those with
// a teacher that only runs; with `--eval` a Fréchet distance; with `--memory` the memory of a frozen sampler, on Linux;
// with `--adversarial` the phases of an adversarial finetuning in units of the AYF-EMD step;
// with `--guidance` no times, but how right one student is at all scales of guidance; with `--mixture` how near the
// exact map of a mixture students of the presets named by `--preset` end, by default all, with `--seeds`,
// `--iterations` and the learning rate `--rate`.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { AYF_EMD_PRESETS, type AyfEmdPreset } from '@flowmap/objectives';
import { timeAdversarialSteps } from './adversarial.js';
import { timeFrechetDistance } from './frechet-distance.js';
import { measureFrozenMemory } from './frozen-memory.js';
import { trainGuidedStudents } from './guided-student.js';
import { compareInPlace } from './in-place.js';
import { timeLargeProgram } from './large-program.js';
import { trainMixtureStudents } from './mixture-students.js';
import { compareOpaqueTeacher } from './opaque-teacher.js';
import { comparePeers } from './peers.js';
import { timeSteps } from './steps.js';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    threads: { type: 'string', default: String(cpus().length) },
    device: { type: 'string', default: 'cpu' },
    'steps-per-run': { type: 'string', default: '1' },
    profile: { type: 'boolean', default: false },
    'in-place': { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    eval: { type: 'boolean', default: false },
    guidance: { type: 'boolean', default: false },
    adversarial: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    mixture: { type: 'boolean', default: false },
    preset: { type: 'string', multiple: true, default: Object.keys(AYF_EMD_PRESETS) },
    seeds: { type: 'string', default: '5' },
    iterations: { type: 'string', default: '12000' },
    rate: { type: 'string', default: '2e-3' },
    opaque: { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3' },
    'tfjs-node': { type: 'string' },
    rounds: { type: 'string', default: '7' },
    task: { type: 'string' },
    small: { type: 'boolean', default: false },
  },
});
const threads = Number(options.threads);
if (options.peers) {
  const { python, task, small, 'tfjs-node': tfjsNode } = options;
  await comparePeers({ python, rounds: Number(options.rounds), threads, task, small, tfjsNode });
} else if (options.eval) {
  timeFrechetDistance(2048, Number(options.rounds));
} else if (options.adversarial) {
  await timeAdversarialSteps(threads, Number(options.rounds));
} else if (options.memory) {
  await measureFrozenMemory(threads);
} else if (options.guidance) {
  await trainGuidedStudents();
} else if (options.mixture) {
  const { preset, seeds, iterations, rate } = options;
  await trainMixtureStudents({
    presets: preset as AyfEmdPreset[],
    seeds: Number(seeds),
    iterations: Number(iterations),
    rate: Number(rate),
  });
} else if (options.opaque) {
  await compareOpaqueTeacher(threads, Number(options.rounds));
} else if (options['in-place']) {
  await compareInPlace(threads, Number(options.rounds), options.small);
} else {
  const { device, profile } = options;
  if (device !== 'cpu' && device !== 'webgpu' && device !== 'cuda') throw new RangeError(`no device '${device}'`);
  await timeSteps({
    runs: Number(options.runs),
    threads,
    device,
    stepsPerRun: Number(options['steps-per-run']),
    profile,
  });
  await timeLargeProgram(Number(options.runs));
}
