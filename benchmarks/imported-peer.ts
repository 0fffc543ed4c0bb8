import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  encodeSafetensors,
  type Batch,
  type Network,
  type Phase,
  type Trainee,
  type VelocityField,
} from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { ayfEmd } from '@flowmap/objectives';
import { importOnnx, onnxRuntime, type ImportedOnnx } from '@flowmap/runtime-onnx';
import { hostTensor, sizeOf, uniforms, type Executable, type HostTensors } from '@flowmap/tensor';
import {
  adamw,
  constantSchedule,
  initialState,
  objectivePhase,
  phaseFeeds,
  phasePrograms,
  trainee,
} from '@flowmap/train';
import { smallModels, type ImportedOptions } from './imported.js';
import { startPeer } from './peer-process.js';
import { settings } from './peer-tasks.js';

/** Largest relative difference between results: float32 in another order of summation. */
const TOLERANCE = 1e-3;

const STEPS_PER_ROUND = 4;

/** Milliseconds for the threads of the other program to fall asleep. */
const PAUSE = 100;

const TIMESTEPS = 1000;

/**
 * Times the AYF-EMD step in which an imported UNet of diffusers teaches a copy of itself, beside PyTorch eager on the
 * original module, in turn, after both have computed the same two steps. The student is evaluated at the middle of
 * the interval, `F(x, t, s) = net(x, (t + s) / 2)`, since the module takes one time.
 *
 * @throws {PeerError} when PyTorch cannot be started
 * @throws {RangeError} when it computes something else
 */
export async function compareImportedPeer(options: ImportedOptions & { readonly python: string }): Promise<void> {
  const { models, threads, rounds, small, python } = options;
  const batchSize = small ? 3 : 16;
  const name = 'diffusers-unet-torchscript';
  const network = importOnnx(await readFile(join(small ? smallModels : models, `${name}.onnx`)), { source: name });
  const { student, phase } = training(network, batchSize);
  const batch = dataOf(network, batchSize);
  const feedsOf = (step: number): HostTensors => ({
    ...phaseFeeds(phase, student, { step, iterations: Infinity }, batch),
    'schedules.r': hostTensor([], [settings.r]),
  });
  const given = feedsOf(0);

  const folder = await mkdtemp(join(tmpdir(), 'flowmap-imported-'));
  const { x0, noise, t, s } = given;
  await writeFile(join(folder, 'task.safetensors'), encodeSafetensors({ x0: x0!, noise: noise!, t: t!, s: s! }));
  await writeFile(join(folder, 'task.json'), JSON.stringify({ settings }));
  const script = fileURLToPath(new URL('peers/imported_peer.py', import.meta.url));
  const peer = await startPeer([python, script, folder, '--threads', String(threads), ...(small ? ['--small'] : [])]);
  try {
    const runtime = await onnxRuntime({ device: 'cpu', threads });
    const executable = await runtime.compile(phasePrograms(phase, { student }, { flushDenormals: false }).update);
    await executable.writeState(initialState({ student }, phase.fixed));
    const difference = largestDifference(await twoSteps(executable, feedsOf, given), (await peer.check()).values);
    console.log(`${peer.ready.runtime}: losses and metrics of two steps agree to ${difference.toExponential(1)}`);
    const times = { ours: [] as number[], theirs: [] as number[] };
    let step = 2;
    for (let round = -1; round < rounds; round++) {
      await setTimeout(PAUSE);
      const own: number[] = [];
      for (let i = 0; i < STEPS_PER_ROUND; i++) {
        const since = performance.now();
        await scalarsOf(executable, feedsOf(step++));
        own.push(performance.now() - since);
      }
      await setTimeout(PAUSE);
      const { ms } = await peer.time('train', STEPS_PER_ROUND);
      if (round < 0) continue; // warms up
      times.ours.push(...own);
      times.theirs.push(...ms);
    }
    const [ours, theirs] = [median(times.ours), median(times.theirs)];
    console.log(`medians of ${rounds} interleaved rounds, ${threads} threads each`);
    console.log(
      '| distillation step | Flowmap, imported, ms | PyTorch, ms | ours is faster by |\n| --- | ---: | ---: | ---: |',
    );
    console.log(
      `| ${name}, batch ${batchSize} | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${(theirs / ours).toFixed(2)} x |`,
    );
    await executable.dispose();
  } finally {
    await peer.end();
    await rm(folder, { recursive: true });
  }
}

/** The student, which starts as its teacher, and the phase that trains it. */
function training(imported: ImportedOnnx, batchSize: number): { readonly student: Trainee; readonly phase: Phase } {
  const shape = imported.inputs['sample']!.shape.slice(1).map(Number);
  const teacher: VelocityField = {
    parameters: imported.parameters,
    velocity: (params, { x, t }) => imported.apply(params, { sample: x, timestep: t.mul(TIMESTEPS) })['out_sample']!,
  };
  const network: Network = {
    config: { type: 'imported', shape, interval: true },
    conditions: {},
    parameters: Object.fromEntries(
      Object.entries(imported.parameters).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
    ),
    init: () => imported.parameters,
    apply: (params, { x, t, s }) =>
      imported.apply(params, { sample: x, timestep: t.add(s!).mul(TIMESTEPS / 2) })['out_sample']!,
  };
  const { c, beta1, beta2, epsilon, learningRate, emaDecay } = settings;
  const student = trainee({
    model: { kind: 'flowMap', network, params: imported.parameters, classes: [] },
    learningRate: constantSchedule(learningRate),
    optimizer: adamw({ beta1, beta2, epsilon }),
    averages: { ema: constantSchedule(emaDecay) },
  });
  return { student, phase: objectivePhase({ network, objective: ayfEmd({ c }), teacher, batchSize, seed: 0 }) };
}

function dataOf({ inputs }: ImportedOnnx, batchSize: number): Batch {
  const size = batchSize * sizeOf(inputs['sample']!.shape.slice(1).map(Number));
  return { x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, size), (u) => 2 * u - 1), conditions: {} };
}

/** A step's loss and metrics. */
async function scalarsOf(executable: Executable, feeds: HostTensors): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const [name, tensor] of Object.entries(await executable.run(feeds))) {
    if (tensor.shape.length === 0) values[name] = (await tensor.read()).data[0]!;
    tensor.dispose();
  }
  return values;
}

/** Two steps on the same noise and times, as the peer takes them. */
async function twoSteps(
  executable: Executable,
  feedsOf: (step: number) => HostTensors,
  given: HostTensors,
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const step of [0, 1]) {
    const scalars = Object.entries(feedsOf(step)).filter(([name]) => name.startsWith('optimizer.'));
    const results = await scalarsOf(executable, { ...given, ...Object.fromEntries(scalars) });
    for (const [name, value] of Object.entries(results)) values[`${name} of step ${step + 1}`] = value;
  }
  return values;
}

/** The largest relative difference between results; refuses a peer that computes something else. */
function largestDifference(
  ours: Readonly<Record<string, number>>,
  theirs: Readonly<Record<string, readonly number[]>>,
): number {
  const differences = Object.entries(ours).map(([name, wanted]) => {
    const got = theirs[name]?.[0] ?? NaN;
    const difference = Math.abs(wanted - got) / Math.abs(wanted);
    if (!(difference <= TOLERANCE)) throw new RangeError(`PyTorch's ${name} is ${got}, ours ${wanted}`);
    return difference;
  });
  return Math.max(...differences);
}
