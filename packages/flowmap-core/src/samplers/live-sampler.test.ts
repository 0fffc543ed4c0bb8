import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, SharingError, type HostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import { constantSchedule, initialState, objectivePhase, phaseFeeds, phasePrograms, trainee } from '@flowmap/train';
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
const averageOf = (parameter: string): string => `student.ema.${parameter}`;
const phase = objectivePhase({ network, objective: ayfEmd({ teacher: false, c: Infinity }), batchSize, seed: 0 });
const draw = (purpose: string, shape: readonly number[]) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return hostTensor(shape, Float32Array.from(normals({ seed: 0, purpose }, size)));
};
const batch = { x: draw('x', [batchSize, 2]).data as Float32Array, conditions: { label: Int32Array.of(0, 1, 1, 0) } };
const sample = {
  noise: draw('noise', [6, 2]),
  conditions: { label: Int32Array.of(0, 1, 0, 1, 1, 0) },
  times: uniformGrid(3),
};

async function startTraining(runtime: Runtime) {
  // The last layer would initially be zero, and the samples just the noise.
  const params = { ...network.init(0), 'output.weight': draw('w', [8, 2]) };
  const student = trainee({
    model: { kind: 'flowMap', network, params, classes: ['a', 'b'] },
    learningRate: constantSchedule(0.02),
    averages: { ema: constantSchedule(0.5) },
  });
  const step = await runtime.compile(phasePrograms(phase, { student }).update);
  await step.writeState(initialState({ student }));
  const train = (k: number) => step.run(phaseFeeds(phase, student, { step: k, iterations: 10 }, batch));
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
      { batchSize, sharing: step, stateOf: averageOf },
    );
    const samplesAfter = async (k: number): Promise<HostTensor> => {
      await train(k);
      const points = await live.sample(sample);
      const averages = Object.entries(await step.readState()).filter(([name]) => name.startsWith('student.ema.'));
      const params: HostTensors = Object.fromEntries(
        averages.map(([name, value]) => [name.slice('student.ema.'.length), value]),
      );
      const model = { kind: 'flowMap', network, params, classes: ['a', 'b'] } as const;
      const copied = await compileSampler(runtime, model, { batchSize, frozen: false });
      expect(points).toEqual(await copied.sample(sample));
      return points;
    };
    const first = await samplesAfter(0);
    const second = await samplesAfter(1);
    expect(second).not.toEqual(first);
    await step.dispose();
    expect(await live.sample(sample)).toEqual(second);
    await live.dispose();
    await expect(live.sample(sample)).rejects.toThrow(/disposed/);
  });

  test.each([gamma(0.5), adamsBashforth()])('take any sampler: $name', async (sampler) => {
    const runtime = await open();
    const { step } = await startTraining(runtime);
    const model = { kind: 'flowMap', network } as const;
    const options = { sampler, batchSize, stepsPerCall: 2 };
    const live = await compileLiveSampler(runtime, model, {
      ...options,
      sharing: step,
      stateOf: (name) => `student.params.${name}`,
    });
    const points = await live.sample({ ...sample, seed: 1 });
    const names = Object.keys(network.parameters);
    const state = await step.readState();
    const params = Object.fromEntries(names.map((name) => [name, state[`student.params.${name}`]!]));
    const whole = { ...model, params, classes: ['a', 'b'] };
    const copied = await compileSampler(runtime, whole, { ...options, frozen: false });
    expect(points).toEqual(await copied.sample({ ...sample, seed: 1 }));
    await live.dispose();
    await step.dispose();
  });

  test('allow overlapping calls', async () => {
    const runtime = await open();
    const { step } = await startTraining(runtime);
    const live = await compileLiveSampler(
      runtime,
      { kind: 'flowMap', network },
      { batchSize, sharing: step, stateOf: averageOf },
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
  const lacking = compileLiveSampler(runtime, model, {
    batchSize,
    sharing: step,
    stateOf: (name) => `average.${name}`,
  });
  await expect(lacking).rejects.toThrow(ConfigError);
  await expect(lacking).rejects.toThrow(/stateOf: program 'ayf-emd step' has no state 'average\..*'/);
  const wide = { ...model, network: mlp({ ...network.config, width: 16, depth: 1 }) };
  const differing = compileLiveSampler(runtime, wide, { batchSize, sharing: step, stateOf: averageOf });
  await expect(differing).rejects.toThrow(SharingError);
  const elsewhere = compileLiveSampler(referenceRuntime(), model, { batchSize, sharing: step, stateOf: averageOf });
  await expect(elsewhere).rejects.toThrow(/'ayf-emd step' was compiled by another runtime/);
  await step.dispose();
});
