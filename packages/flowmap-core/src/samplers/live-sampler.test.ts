import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, SharingError, type HostTensors, type Runtime } from '@flowmap/tensor';
import { adamw, constantSchedule, initialState, trainFeeds, trainStep } from '@flowmap/train';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { mlp } from '../networks/mlp.js';
import { adamsBashforth } from './adams-bashforth.js';
import { compileSampler } from './compile-sampler.js';
import { gamma } from './gamma.js';
import { uniformGrid } from './grid.js';
import { compileLiveSampler } from './live-sampler.js';

const network = mlp({ shape: [2], classes: 2, interval: true, width: 8, depth: 1 });
const batchSize = 4;
const training = { network, objective: ayfEmd({ teacher: false }), optimizer: adamw() };
const schedules = { learningRate: constantSchedule(0.02), emaDecay: constantSchedule(0.5), seed: 0 };
const draw = (purpose: string, shape: readonly number[]) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose }, size)));
};
const batch = { x: draw('x', [batchSize, 2]).data as Float32Array, labels: Int32Array.of(0, 1, 1, 0) };
const sample = { noise: draw('noise', [6, 2]), labels: Int32Array.of(0, 1, 0, 1, 1, 0), times: uniformGrid(3) };

async function startTraining(runtime: Runtime) {
  const step = await runtime.compile(trainStep({ ...training, batchSize }));
  // The network's own last layer is zero, and its samples the noise.
  const params = { ...network.init(0), 'output.weight': draw('w', [8, 2]) };
  await step.writeState(initialState(training.optimizer, params));
  const train = (k: number) => step.run(trainFeeds({ ...training, ...schedules }, { step: k, iterations: 10 }, batch));
  return { step, train };
}

describe.each([
  ['reference', referenceRuntime],
  ['onnx', () => onnxRuntime({ device: 'cpu', threads: 1 })],
] as const)('live samplers on %s', (_, open) => {
  test('follow the averages of a training, and outlive it', async () => {
    const runtime = await open();
    const { step, train } = await startTraining(runtime);
    const live = await compileLiveSampler(
      runtime,
      { kind: 'flowMap', network },
      { batchSize, sharing: step, prefix: 'ema' },
    );
    const seen: unknown[] = [];
    for (let k = 0; k < 3; k++) {
      await train(k);
      const points = await live.sample(sample);
      const averages = Object.entries(await step.readState()).filter(([name]) => name.startsWith('ema.'));
      const params: HostTensors = Object.fromEntries(averages.map(([name, value]) => [name.slice(4), value]));
      const model = { kind: 'flowMap', network, params, classes: ['a', 'b'] } as const;
      const copied = await compileSampler(runtime, model, { batchSize, frozen: false });
      expect(points).toEqual(await copied.sample(sample));
      expect(seen).not.toContainEqual(points);
      seen.push(points);
    }
    await step.dispose();
    expect(await live.sample(sample)).toEqual(seen[2]);
    await live.dispose();
    await expect(live.sample(sample)).rejects.toThrow(/disposed/);
  });

  test.each([gamma(0.5), adamsBashforth()])('take any sampler: $name', async (sampler) => {
    const runtime = await open();
    const { step } = await startTraining(runtime);
    const model = { kind: 'flowMap', network } as const;
    const options = { sampler, batchSize, stepsPerCall: 2 };
    const live = await compileLiveSampler(runtime, model, { ...options, sharing: step, prefix: 'params' });
    const points = await live.sample({ ...sample, seed: 1 });
    const names = Object.keys(network.parameters);
    const state = await step.readState();
    const params = Object.fromEntries(names.map((name) => [name, state[`params.${name}`]!]));
    const whole = { ...model, params, classes: ['a', 'b'] };
    const copied = await compileSampler(runtime, whole, { ...options, frozen: false });
    expect(points).toEqual(await copied.sample({ ...sample, seed: 1 }));
    await live.dispose();
    await step.dispose();
  });

  test('take samples that overlap', async () => {
    const runtime = await open();
    const { step } = await startTraining(runtime);
    const live = await compileLiveSampler(
      runtime,
      { kind: 'flowMap', network },
      { batchSize, sharing: step, prefix: 'ema' },
    );
    const other = { ...sample, noise: draw('other', [6, 2]), times: uniformGrid(2) };
    const wanted = [await live.sample(sample), await live.sample(other)];
    expect(await Promise.all([live.sample(sample), live.sample(other)])).toEqual(wanted);
    await live.dispose();
    await step.dispose();
  });
});

test('live samplers refuse an executable without the parameters, or of another runtime', async () => {
  const runtime = referenceRuntime();
  const { step } = await startTraining(runtime);
  const model = { kind: 'flowMap', network } as const;
  const lacking = compileLiveSampler(runtime, model, { batchSize, sharing: step, prefix: 'average' });
  await expect(lacking).rejects.toThrow(ConfigError);
  await expect(lacking).rejects.toThrow(/prefix: program 'ayf-emd step' has no state 'average\..*'/);
  const wide = { ...model, network: mlp({ ...network.config, width: 16, depth: 1 }) };
  const differing = compileLiveSampler(runtime, wide, { batchSize, sharing: step, prefix: 'ema' });
  await expect(differing).rejects.toThrow(SharingError);
  const elsewhere = compileLiveSampler(referenceRuntime(), model, { batchSize, sharing: step, prefix: 'ema' });
  await expect(elsewhere).rejects.toThrow(/'ayf-emd step' was compiled by another runtime/);
  await step.dispose();
});
