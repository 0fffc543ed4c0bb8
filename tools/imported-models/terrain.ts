import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { velocityFromDenoiser, veNoise, type Batch, type Network } from '@flowmap/core';
import { flowMatching } from '@flowmap/objectives';
import { importedPredictor, openOnnx, type ImportedOnnx } from '@flowmap/runtime-onnx';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import {
  freeze,
  gradients,
  hostTensor,
  jvp,
  program,
  type HostTensor,
  type HostTensors,
  type Runtime,
} from '@flowmap/tensor';
import { constantSchedule, objectivePhase, train, trainee } from '@flowmap/train';
import { difference } from '../../packages/contract/src/goldens/imported-golden.js';
import { drawn, resultsOf, type Check } from './check.js';

/** The consistency model in PyPI's `adaptive-terrain-diffusion` 0.4.2, trained weights of others. */
const FILE = 'terrain_consistency_unet_difficulty100.onnx';

/** It takes noise of these standard deviations; one step from the largest to the smallest is what it was trained for. */
const [SMALLEST, LARGEST] = [0.002, 80];

const SHAPE = [1, 128, 128];

/** How the checks of the terrain model run. */
export interface TerrainOptions {
  readonly runtime: Runtime;
  /** Steps of flow matching. */
  readonly steps: number;
  readonly batchSize: number;
  readonly onStep: (step: number, loss: number) => void;
}

/**
 * The terrain model: its output as onnxruntime has it, the identity at the smallest noise, derivatives against central
 * differences, and flow matching on its own samples.
 */
export async function checkTerrain(folder: string, options: TerrainOptions): Promise<Check[]> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return [];
  const network = await importOnnxFile(path);
  const line = (what: string, got: number, limit: number): Check => ({ model: FILE, what, got, limit });
  const evaluate = await evaluator(options.runtime, network);
  const largest = inputsAt(LARGEST, LARGEST);

  const original = await openOnnx(await readFile(path), { device: 'cpu', threads: 1 });
  const { denoised } = await original(largest);
  await original.dispose();
  const output = line('output, by onnxruntime', difference(await evaluate(largest), denoised!.data), 1e-5);

  // The file ends in a clip to [-1, 1], so that the identity holds there.
  const within = inputsAt(SMALLEST, 0.2);
  const points = within['noisy']!.data.map((value) => Math.max(-1, Math.min(1, value)));
  const identity = line(
    'f(x, 0.002) = x',
    difference(await evaluate({ ...within, noisy: { ...within['noisy']!, data: points } }), points),
    1e-6,
  );

  const differences = await checkDerivatives(options.runtime, network, largest);
  const ratio = await flowMatch(network, evaluate, options);
  const training = line('loss of flow matching, last fifth of the steps : first', ratio, 0.9);
  return [output, identity, ...differences.map(([what, got, limit]) => line(what, got, limit)), training];
}

/** Arguments of two samples whose noise has a standard deviation. */
function inputsAt(sigma: number, scale: number, seed = 0): HostTensors {
  return {
    noisy: drawn(`points ${seed}`, [2, ...SHAPE], scale),
    sigma: hostTensor([2], Float32Array.of(sigma, sigma)),
    difficulty: hostTensor([2], Float32Array.of(0.2, 0.9)),
  };
}

/** The imported model with its own weights. */
async function evaluator(
  runtime: Runtime,
  network: ImportedOnnx,
): Promise<(inputs: HostTensors) => Promise<HostTensor['data']>> {
  const args = { inputs: inputsAt(1, 1), state: network.parameters };
  const built = program<string, string>('terrain', args, (given, params) => ({
    outputs: network.apply(params, given),
  }));
  const executable = await runtime.compile(freeze(built, network.parameters));
  return async (inputs) => (await resultsOf(executable, inputs))['denoised']!.data;
}

/** Relative size of the steps of central differences, whose error is of its square; float32 rounds to 6e-8. */
const STEP = 0.01;

/**
 * Gradients of `<u, f>` by all parameters and by points, each along itself in random halves of its entries, and the
 * derivative along points and noise, beside central differences of the same program.
 */
async function checkDerivatives(
  runtime: Runtime,
  network: ImportedOnnx,
  inputs: HostTensors,
): Promise<[what: string, got: number, limit: number][]> {
  const { parameters } = network;
  const u = drawn('cotangent', [2, ...SHAPE], 1 / 64);
  const direction = {
    noisy: drawn('direction', [2, ...SHAPE], LARGEST),
    sigma: hostTensor([2], Float32Array.of(LARGEST, -LARGEST)),
  };
  const args = { ...inputs, u, 'direction.noisy': direction.noisy, 'direction.sigma': direction.sigma };
  const built = program<string, string>('derivatives', { inputs: args, state: parameters }, (given, params) => {
    const f = (noisy: typeof given.x, sigma: typeof given.x) =>
      network.apply(params, { noisy: noisy!, sigma: sigma!, difficulty: given['difficulty']! })['denoised']!;
    const [output, tangent] = jvp(
      f,
      [given['noisy']!, given['sigma']!],
      [given['direction.noisy']!, given['direction.sigma']!],
    );
    const value = output.mul(given['u']!).sum();
    return {
      outputs: {
        value,
        along: tangent.mul(given['u']!).sum(),
        'by.noisy': gradients(value, [given['noisy']!])[0]!,
        ...Object.fromEntries(Object.entries(gradients(value, params)).map(([name, tensor]) => [`by.${name}`, tensor])),
      },
    };
  });
  const executable = await runtime.compile(built);
  await executable.writeState(parameters);
  const results = await resultsOf(executable, args);
  const valueAt = async (moved: HostTensors, params: HostTensors): Promise<number> => {
    await executable.writeState({ ...parameters, ...params });
    return (await resultsOf(executable, { ...args, ...moved }))['value']!.data[0]!;
  };

  const checks: [string, number, number][] = [];
  const along = async (
    what: string,
    expected: number,
    at: (h: number) => Promise<number>,
    h: number,
  ): Promise<void> => {
    const found = ((await at(h)) - (await at(-h))) / (2 * h);
    checks.push([what, Math.abs(found - expected) / Math.abs(expected), 1e-2]);
  };
  const moved = (x: HostTensor, by: ArrayLike<number>, h: number): HostTensor =>
    hostTensor(
      x.shape,
      Float32Array.from(x.data, (value, i) => value + h * by[i]!),
    );
  await along(
    'derivative along points and noise, central difference',
    results['along']!.data[0]!,
    (h) =>
      valueAt(
        {
          noisy: moved(inputs['noisy']!, direction.noisy.data, h),
          sigma: moved(inputs['sigma']!, direction.sigma.data, h),
        },
        {},
      ),
    STEP / 10,
  );
  for (const [what, names] of [
    ['points', ['noisy']],
    ['parameters', Object.keys(parameters)],
  ] as const) {
    for (const half of [0, 1, 2]) {
      const directions: Record<string, Float32Array> = {};
      let slope = 0;
      let size = 0;
      for (const name of names) {
        const gradient = results[`by.${name}`]!.data;
        const mask = drawn(`half ${half} of ${name}`, [gradient.length]).data;
        directions[name] = Float32Array.from(gradient, (value, i) => (mask[i]! > 0 ? value : 0));
        slope += directions[name].reduce((sum, value) => sum + value ** 2, 0);
        const x = name === 'noisy' ? inputs['noisy']! : parameters[name]!;
        for (const value of x.data) size += value ** 2;
      }
      const h = (STEP / 10) * Math.sqrt(size / slope) * (what === 'points' ? 10 : 0.1);
      const at = (step: number): Promise<number> => {
        const given = Object.fromEntries(
          names.map((name) => [
            name,
            moved(name === 'noisy' ? inputs['noisy']! : parameters[name]!, directions[name]!, step),
          ]),
        );
        return what === 'points' ? valueAt(given, {}) : valueAt({}, given);
      };
      await along(`gradient by ${what}, along half ${half + 1} of it, central difference`, slope, at, h);
    }
  }
  await executable.dispose();
  return checks;
}

/** Trains it as a velocity field on its own samples; gives the loss of the last steps relative to that of the first. */
async function flowMatch(
  imported: ImportedOnnx,
  evaluate: (inputs: HostTensors) => Promise<HostTensor['data']>,
  { runtime, steps, batchSize, onStep }: TerrainOptions,
): Promise<number> {
  const mapping = { x: 'noisy', t: 'sigma', conditions: { difficulty: 'difficulty' } };
  const field = velocityFromDenoiser(importedPredictor(imported, mapping), {
    noise: veNoise({ smallest: SMALLEST, largest: LARGEST }),
  });
  const network: Network = {
    config: { type: 'terrain', shape: SHAPE, interval: false },
    conditions: { difficulty: { shape: [], dtype: 'float32' } },
    parameters: Object.fromEntries(
      Object.entries(imported.parameters).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
    ),
    init: () => imported.parameters,
    apply: (params, inputs) => field.velocity(params, inputs),
  };
  const size = 128 * 128;
  const pool: { x: Float32Array; difficulty: number }[] = [];
  for (let i = 0; i < 8; i++) {
    const inputs = inputsAt(LARGEST, LARGEST, i + 1);
    const samples = await evaluate(inputs);
    for (const row of [0, 1]) {
      pool.push({
        x: Float32Array.from(samples.subarray(row * size, (row + 1) * size)),
        difficulty: inputs['difficulty']!.data[row]!,
      });
    }
  }
  const batch = (step: number): Promise<Batch> => {
    const rows = Array.from({ length: batchSize }, (_, i) => pool[(step * batchSize + i) % pool.length]!);
    const x = new Float32Array(batchSize * size);
    rows.forEach((row, i) => x.set(row.x, i * size));
    return Promise.resolve({ x, conditions: { difficulty: Float32Array.from(rows, ({ difficulty }) => difficulty) } });
  };
  const model = { kind: 'velocity', network, params: imported.parameters, classes: [] } as const;
  const losses: number[] = [];
  await train({
    runtime,
    trainees: { student: trainee({ model, learningRate: constantSchedule(1e-4), maxGradientNorm: 1 }) },
    phases: [objectivePhase({ network, objective: flowMatching(), batchSize, seed: 0 })],
    batches: { batchSize, batch },
    iterations: steps,
    callbacks: [
      {
        name: 'losses',
        every: 1,
        async run(moment) {
          const loss = (await moment.record())['loss']!;
          losses.push(loss);
          onStep(moment.step, loss);
        },
      },
    ],
  });
  const fifth = Math.max(1, Math.floor(steps / 5));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return mean(losses.slice(-fifth)) / mean(losses.slice(0, fifth));
}
