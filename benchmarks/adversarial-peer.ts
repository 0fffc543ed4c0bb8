import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { finetune } from '@flowmap/adversarial';
import { encodeSafetensors, type Phase } from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import { initialState, phaseFeeds, phasePrograms } from '@flowmap/train';
import { adversarialTask, compiledPhase, EVERY, writeOwn, type AdversarialTask } from './adversarial-task.js';
import { startPeer, type Checked } from './peer-process.js';
import { settings, stepFeeds, taskBatch, taskTraining, writeTask } from './peer-tasks.js';

/** Largest relative difference (L2): float32 in another order of summation, through three derivatives. */
const TOLERANCE = 1e-4;

/** Gradients below this share of a phase's largest one are compared relative to that: some cancel to nothing. */
const SMALL = 1e-3;

/** Number of values of each gradient that are compared, besides its norm. */
const VALUES = 32;

const STEPS_PER_ROUND = 4;

/** Milliseconds for the threads of the other program to fall asleep. */
const PAUSE = 100;

/** The phases by name; a step consists of several. */
type Run = 'objective' | 'generator' | 'discriminator' | 'penalised' | 'penalty';

/** Kinds of steps: how often each phase runs in one. */
const STEPS: Readonly<Record<string, Readonly<Partial<Record<Run, number>>>>> = {
  'AYF-EMD': { objective: 1 },
  'adversarial, R1 and R2 exact': { penalised: 1, generator: 1 },
  [`adversarial, R1 and R2 every ${EVERY} steps`]: { discriminator: 1, penalty: 1 / EVERY, generator: 1 },
  'adversarial, no penalty': { discriminator: 1, generator: 1 },
};

/**
 * Compares losses, metrics and gradients of every phase of an adversarial finetuning with PyTorch's, then times both in turn.
 *
 * @throws {PeerError} when PyTorch cannot be started
 * @throws {RangeError} when it computes something else
 */
export async function compareAdversarialPeer(options: {
  /** The interpreter that has PyTorch. */
  readonly python: string;
  readonly threads: number;
  readonly rounds: number;
  readonly small: boolean;
}): Promise<void> {
  const { python, threads, rounds, small } = options;
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const task = adversarialTask(small);
  const phases = phasesOf(task);
  const folder = await mkdtemp(join(tmpdir(), 'flowmap-adversarial-'));
  const files = join(folder, 'task');
  await writeTask(task.task, files);
  const { discriminator, trainees } = task;
  const levels = (discriminator.config['channels'] as readonly number[]).length;
  const described = { levels, weight: 0.1, penaltyWeight: 0.1, every: EVERY };
  await writeFile(join(files, 'adversarial.json'), JSON.stringify(described));
  await writeFile(join(files, 'judge.safetensors'), encodeSafetensors(trainees.discriminator.initial));
  const script = fileURLToPath(new URL('peers/adversarial_peer.py', import.meta.url));
  const peer = await startPeer([python, script, files, '--threads', String(threads)]);
  try {
    const difference = largestDifference(await checked(runtime, task, phases), await peer.check());
    console.log(
      `${peer.ready.runtime}: losses, metrics and gradients of all phases agree to ${difference.toExponential(1)}`,
    );
    const ours = await steppers(runtime, task, phases);
    const times = Object.fromEntries(
      Object.keys(phases).map((run) => [run, { ours: [], theirs: [] }]),
    ) as unknown as Record<Run, { ours: number[]; theirs: number[] }>;
    for (let round = -1; round < rounds; round++) {
      for (const run of Object.keys(phases) as Run[]) {
        await setTimeout(PAUSE);
        const own: number[] = [];
        for (let i = 0; i < STEPS_PER_ROUND; i++) own.push(await ours[run]());
        await setTimeout(PAUSE);
        const { ms } = await peer.time(run, STEPS_PER_ROUND);
        if (round < 0) continue; // warms up
        times[run].ours.push(...own);
        times[run].theirs.push(...ms);
      }
    }
    console.log(`medians of ${rounds} interleaved rounds, ${threads} threads each`);
    console.log('| step | Flowmap, ms | PyTorch, ms | ours is faster by |\n| --- | ---: | ---: | ---: |');
    for (const [name, parts] of Object.entries(STEPS)) {
      const total = (side: 'ours' | 'theirs'): number =>
        Object.entries(parts).reduce((sum, [run, share]) => sum + share * median(times[run as Run][side]), 0);
      const cells = [total('ours').toFixed(1), total('theirs').toFixed(1)];
      console.log(`| ${name} | ${cells.join(' | ')} | ${(total('theirs') / total('ours')).toFixed(2)} x |`);
    }
  } finally {
    await peer.end();
    await rm(folder, { recursive: true });
  }
}

function phasesOf({ objective, options }: AdversarialTask): Record<Run, Phase> {
  const [penalised] = finetune(options);
  const [discriminator, penalty, generator] = finetune({ ...options, penalty: { every: EVERY } });
  return {
    objective,
    generator: generator!,
    discriminator: discriminator!,
    penalised: penalised!,
    penalty: penalty!,
  };
}

const progress = { step: 0, iterations: Infinity };

/** Takes a step of each phase on fresh noise and returns its time in milliseconds. */
async function steppers(
  runtime: Runtime,
  { trainees, batch }: AdversarialTask,
  phases: Record<Run, Phase>,
): Promise<Record<Run, () => Promise<number>>> {
  const made = Object.entries(phases).map(async ([run, phase]) => {
    const executable = await compiledPhase(runtime, phase, trainees);
    let step = 0;
    const take = async (): Promise<number> => {
      const since = performance.now();
      const feeds = phaseFeeds(
        phase,
        trainees[phase.trains as keyof typeof trainees],
        { ...progress, step: step++ },
        batch,
      );
      const outputs = await executable.run(feeds);
      await outputs['loss']!.read();
      for (const tensor of Object.values(outputs)) tensor.dispose();
      return performance.now() - since;
    };
    return [run, take] as const;
  });
  return Object.fromEntries(await Promise.all(made)) as Record<Run, () => Promise<number>>;
}

/** Losses, metrics and gradients of all phases on the batch that the peer has. */
async function checked(runtime: Runtime, task: AdversarialTask, phases: Record<Run, Phase>): Promise<Checked> {
  const { trainees, batch } = task;
  const given = stepFeeds(taskTraining(task.task), taskBatch(task.task), 0);
  const values: Record<string, number[]> = {};
  for (const [run, phase] of Object.entries(phases)) {
    const { gradient } = phasePrograms(phase, trainees, { split: true, flushDenormals: false });
    const executable = await runtime.compile(gradient!);
    await writeOwn(executable, initialState(trainees, phase.fixed, { split: true }));
    const own: HostTensors = {
      ...phaseFeeds(phase, trainees[phase.trains as keyof typeof trainees], progress, batch),
      ...{ x0: given['x0']!, noise: given['noise']!, t: given['t']!, s: given['s']! },
      ...{ 'adversarial.noise': given['noise']!, 'schedules.r': hostTensor([], [settings.r]) },
      share: hostTensor([], [1]),
    };
    const feeds = Object.keys(executable.program.inputs).map((name) => [name, own[name]!] as const);
    const outputs = await executable.run(Object.fromEntries(feeds));
    for (const [name, tensor] of Object.entries(outputs)) {
      values[`${run}: ${name}`] = Array.from((await tensor.read()).data);
      tensor.dispose();
    }
    const prefix = `${phase.trains}.gradient.`;
    for (const [name, { data }] of Object.entries(await executable.readState())) {
      if (!name.startsWith(prefix)) continue;
      const norm = Math.sqrt(Array.from(data).reduce((sum, value) => sum + value ** 2, 0));
      values[`${run}: gradient of ${name.slice(prefix.length)}`] = [norm, ...data.slice(0, VALUES)];
    }
    await executable.dispose();
  }
  return { values };
}

/** The largest relative difference between results that both have; refuses a peer that computes something else. */
function largestDifference(ours: Checked, theirs: Checked): number {
  let largest = 0;
  for (const [name, got] of Object.entries(theirs.values)) {
    const wanted = ours.values[name];
    if (wanted === undefined) throw new RangeError(`PyTorch's ${name} is not one of ours`);
    const [run] = name.split(':');
    const gradients = Object.entries(ours.values).filter(([other]) => other.startsWith(`${run}: gradient of`));
    const scale = name.includes('gradient of') ? SMALL * Math.max(...gradients.map(([, values]) => values[0]!)) : 0;
    const error = Math.hypot(...wanted.map((value, i) => value - got[i]!));
    const difference = error / Math.max(Math.hypot(...wanted), scale);
    if (!(difference <= TOLERANCE)) {
      const [a, b] = [wanted, got].map((values) => values.slice(0, 4).join(', '));
      throw new RangeError(`PyTorch's ${name} differs by ${difference}: wanted ${a}, got ${b}`);
    }
    largest = Math.max(largest, difference);
  }
  return largest;
}
