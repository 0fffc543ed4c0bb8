import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Batch } from '@flowmap/core';
import { flowMatching } from '@flowmap/objectives';
import { importedModel, openOnnx, type ImportedOnnx } from '@flowmap/runtime-onnx';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import {
  gradients,
  hostTensor,
  jvp,
  program,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { constantSchedule, objectivePhase, train, trainee } from '@flowmap/train';
import { difference } from '../../packages/contract/src/goldens/imported-golden.js';
import { drawn, resultsOf, type Check } from './check.js';

/** The consistency model in PyPI's `adaptive-terrain-diffusion` 0.4.2, with its trained weights. */
const FILE = 'terrain_consistency_unet_difficulty100.onnx';

/** It takes noise of these standard deviations, and was trained for one step from the largest to the smallest. */
const [SMALLEST, LARGEST] = [0.002, 80];

const SHAPE = [1, 128, 128];

/** Settings for the checks of the terrain model. */
export interface TerrainOptions {
  readonly runtime: Runtime;
  /** Steps of flow matching. */
  readonly steps: number;
  readonly batchSize: number;
  readonly onStep: (step: number, loss: number) => void;
}

/**
 * The terrain model: its output as onnxruntime computes it, the identity at the smallest noise, derivatives against
 * central differences, and flow matching on its own samples.
 */
export async function* checkTerrain(folder: string, options: TerrainOptions): AsyncGenerator<Check> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return;
  const network = await importOnnxFile(path);
  const line = (what: string, got: number, limit: number): Check => ({ model: FILE, what, got, limit });
  const evaluate = await evaluator(options.runtime, network, 2);
  const largest = inputsAt(LARGEST, LARGEST);

  const original = await openOnnx(await readFile(path), { device: 'cpu', threads: 1 });
  const { denoised } = await original(largest);
  await original.dispose();
  yield line('output, by onnxruntime', difference(await evaluate(largest), denoised!.data), 1e-5);

  // The file ends with a clip to [-1, 1], so the identity holds only there.
  const within = inputsAt(SMALLEST, 0.2);
  const points = within['noisy']!.data.map((value) => Math.max(-1, Math.min(1, value)));
  const mapped = await evaluate({ ...within, noisy: { ...within['noisy']!, data: points } });
  yield line('f(x, 0.002) = x', difference(mapped, points), 1e-6);

  for (const [what, got] of await checkDerivatives(options.runtime, network)) {
    yield line(`${what}, by central differences`, got, 1e-2);
  }
  const ratio = await flowMatch(network, evaluate, options);
  yield line('loss of flow matching, last fifth of the steps : first', ratio, 0.9);
}

/** Arguments for samples with noise of a given standard deviation; two samples unless given. */
function inputsAt(sigma: number, scale: number, { seed = 0, count = 2 } = {}): HostTensors {
  return {
    noisy: drawn(`points ${seed}`, [count, ...SHAPE], scale),
    sigma: hostTensor([count], new Float32Array(count).fill(sigma)),
    difficulty: hostTensor([count], Float32Array.of(0.2, 0.9).subarray(0, count)),
  };
}

/** The imported model's output, with its own parameters or those given. */
type Evaluate = (inputs: HostTensors, params?: HostTensors) => Promise<HostTensor['data']>;

async function evaluator(runtime: Runtime, network: ImportedOnnx, count: number): Promise<Evaluate> {
  const { parameters } = network;
  const args = { inputs: inputsAt(1, 1, { count }), state: parameters };
  const built = program<string, string>('terrain', args, (given, params) => ({
    outputs: network.apply(params, given),
  }));
  const executable = await runtime.compile(built);
  return async (inputs, params = {}) => {
    await executable.writeState({ ...parameters, ...params });
    return (await resultsOf(executable, inputs))['denoised']!.data;
  };
}

/** Size of the step along points and noise, relative to these; float32 rounds to 6e-8. */
const STEP = 1e-3;

/** How much a step along the gradient with respect to parameters should change the value, which is about 1. */
const CHANGE = 5e-3;

/**
 * For one sample, the gradients of `<u, f>` with respect to its points and all parameters, each along random halves of
 * itself, and the derivative along points and noise, compared with central differences of values.
 */
async function checkDerivatives(
  runtime: Runtime,
  network: ImportedOnnx,
): Promise<readonly (readonly [what: string, got: number])[]> {
  const { parameters } = network;
  const inputs = inputsAt(LARGEST, LARGEST, { count: 1 });
  const u = drawn('cotangent', [1, ...SHAPE], 1 / 128);
  const along = { noisy: drawn('direction', [1, ...SHAPE], LARGEST), sigma: hostTensor([1], Float32Array.of(LARGEST)) };
  const args = { ...inputs, u, 'along.noisy': along.noisy, 'along.sigma': along.sigma };
  const built = program<string, string>('derivatives', { inputs: args, state: parameters }, (given, params) => {
    const f = (noisy: Tensor, sigma: Tensor): Tensor =>
      network.apply(params, { noisy, sigma, difficulty: given['difficulty']! })['denoised']!;
    const [output, tangent] = jvp(
      (noisy, sigma) => f(noisy, sigma),
      [given['noisy']!, given['sigma']!],
      [given['along.noisy']!, given['along.sigma']!],
    );
    const pulled = gradients(output.mul(given['u']!).sum(), { ...params, noisy: given['noisy']! });
    return { outputs: { tangent: tangent.mul(given['u']!).sum(), ...pulled } };
  });
  const executable = await runtime.compile(built);
  await executable.writeState(parameters);
  const { tangent, ...pulled } = await resultsOf(executable, args);
  await executable.dispose();

  const evaluate = await evaluator(runtime, network, 1);
  /** The value `<u, f>` when tensors are moved along their directions by a given amount. */
  const valueAt = async (moves: Readonly<Record<string, Float32Array>>, h: number): Promise<number> => {
    const moved = (x: HostTensor, name: string): HostTensor => {
      const by = moves[name];
      return by
        ? hostTensor(
            x.shape,
            Float32Array.from(x.data, (value, i) => value + h * by[i]!),
          )
        : x;
    };
    const entries = (tensors: HostTensors): HostTensors =>
      Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, moved(value, name)]));
    const values = await evaluate(entries(inputs), entries(parameters));
    return Array.from(values).reduce((sum, value, i) => sum + value * u.data[i]!, 0);
  };
  const offBy = async (slope: number, moves: Readonly<Record<string, Float32Array>>, h: number): Promise<number> => {
    const found = ((await valueAt(moves, h)) - (await valueAt(moves, -h))) / (2 * h);
    return Math.abs(found - slope) / Math.abs(slope);
  };

  const forward = await offBy(
    tangent!.data[0]!,
    { noisy: along.noisy.data as Float32Array, sigma: along.sigma.data as Float32Array },
    STEP,
  );
  const checks: (readonly [string, number])[] = [['derivative along points and noise', forward]];
  for (const [what, names] of [
    ['points', ['noisy']],
    ['all parameters', Object.keys(parameters)],
  ] as const) {
    for (const half of [1, 2]) {
      const moves: Record<string, Float32Array> = {};
      let [slope, size] = [0, 0];
      for (const name of names) {
        const { data } = pulled[name]!;
        const signs = drawn(`half ${half} of ${name}`, [data.length]).data;
        moves[name] = Float32Array.from(data, (value, i) => (signs[i]! > 0 ? value : 0));
        for (const value of moves[name]) slope += value ** 2;
        for (const value of (inputs[name] ?? parameters[name]!).data) size += value ** 2;
      }
      const h = what === 'points' ? STEP * Math.sqrt(size / slope) : CHANGE / slope;
      checks.push([`gradient by ${what}, half ${half} of it`, await offBy(slope, moves, h)]);
    }
  }
  return checks;
}

/**
 * Trains the model as a velocity field on its own samples; returns the loss of the last steps relative to
 * that of the first.
 */
async function flowMatch(
  imported: ImportedOnnx,
  evaluate: Evaluate,
  { runtime, steps, batchSize, onStep }: TerrainOptions,
): Promise<number> {
  const model = importedModel(imported, {
    ...{ x: 'noisy', t: 'sigma', conditions: { difficulty: 'difficulty' } },
    ...{ prediction: 'data', noise: { name: 've', smallest: SMALLEST, largest: LARGEST } },
  });
  const size = 128 * 128;
  const pool: { x: Float32Array; difficulty: number }[] = [];
  for (let i = 0; i < 8; i++) {
    const inputs = inputsAt(LARGEST, LARGEST, { seed: i + 1 });
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
  const losses: number[] = [];
  await train({
    runtime,
    trainees: { student: trainee({ model, learningRate: constantSchedule(1e-4), maxGradientNorm: 1 }) },
    phases: [objectivePhase({ network: model.network, objective: flowMatching(), batchSize, seed: 0 })],
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
