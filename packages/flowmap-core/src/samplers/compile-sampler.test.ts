import {
  full,
  hostTensor,
  normals,
  sizeOf,
  type HostData,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensors,
} from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import type { Model } from '../models/model.js';
import { mlp } from '../networks/mlp.js';
import { compileField } from './compile-field.js';
import { compileSampler } from './compile-sampler.js';
import { euler } from './euler.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { uniformGrid } from './grid.js';
import { heun } from './heun.js';
import type { Sampler } from './sampler.js';

const runtime = referenceRuntime();

describe('compiled samplers', () => {
  const network = mlp({ shape: [2], classes: 3, interval: true, width: 4, depth: 1 });
  const params = { ...network.init(0), 'output.weight': hostTensor([4, 2], normals({ seed: 0, purpose: 'w' }, 8)) };
  const model: Model = { kind: 'flowMap', network, params, classes: ['a', 'b', 'c'] };
  const noise = hostTensor([5, 2], normals({ seed: 1, purpose: 'noise' }, 10));
  const label = Int32Array.of(0, 1, 2, 1, 0);
  const conditions = { label };

  /** The reference runtime, with counts of its calls. */
  function counting(): Runtime & { counts: { compiled: number; written: number; runs: number; live: number } } {
    const counts = { compiled: 0, written: 0, runs: 0, live: 0 };
    return {
      ...runtime,
      counts,
      async compile(program) {
        counts.compiled++;
        const executable = await runtime.compile(program);
        return {
          ...executable,
          writeState(values) {
            counts.written++;
            return executable.writeState(values);
          },
          async run(inputs) {
            counts.runs++;
            const results = await executable.run(inputs);
            for (const tensor of Object.values(results)) {
              counts.live++;
              const dispose = tensor.dispose.bind(tensor);
              tensor.dispose = () => {
                counts.live--;
                dispose();
              };
            }
            return results;
          },
        };
      },
    };
  }

  test('give the same points for any batch size and any number of steps per call', async () => {
    const times = uniformGrid(5);
    const results = await Promise.all(
      [[5, 1], [1, 1], [2, 2], [8, 5], [3, 7]].map(async ([batchSize, stepsPerCall]) => {
        const options = { batchSize: batchSize!, stepsPerCall: stepsPerCall!, frozen: stepsPerCall === 1 };
        const sampler = await compileSampler(runtime, model, options);
        return sampler.sample({ noise, conditions, times });
      }),
    ); // prettier-ignore
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]!.shape).toEqual([5, 2]);
    expect(results[0]!.data).not.toEqual(noise.data);
  });

  test('give every sample its own conditions, whatever the batch size', async () => {
    const conditioned = mlp({ shape: [2], classes: 3, width: 4, depth: 1, conditions: { guidance: [], style: [2] } });
    const drawn = Object.entries(conditioned.parameters).map(([name, { shape }]) => {
      return [name, hostTensor(shape, Float32Array.from(normals({ seed: 3, purpose: name }, sizeOf(shape))))];
    });
    const given = {
      label,
      guidance: Float32Array.of(0, 1, 2, 3, 4),
      style: Float32Array.from({ length: 10 }, (_, i) => i / 9),
    };
    const points = async (batchSize: number, conditions: Readonly<Record<string, HostData>>): Promise<HostTensor> => {
      const params = Object.fromEntries(drawn) as HostTensors;
      const field: Model = { kind: 'velocity', network: conditioned, params, classes: ['a', 'b', 'c'] };
      const sampler = await compileSampler(runtime, field, { batchSize });
      return sampler.sample({ noise, conditions, times: [1, 0.5, 0] });
    };
    const wanted = await points(5, given);
    for (const batchSize of [1, 2, 3, 8]) expect(await points(batchSize, given)).toEqual(wanted);
    const other = await points(2, { ...given, style: given.style.map((value, i) => (i === 7 ? -1 : value)) });
    const moved = Array.from({ length: 5 }, (_, i) => other.data[2 * i] !== wanted.data[2 * i]);
    expect(moved).toEqual([false, false, false, true, false]);
  });

  test('compile and upload once, and leave nothing on the device', async () => {
    const counted = counting();
    const sampler = await compileSampler(counted, model, { batchSize: 3, stepsPerCall: 2, frozen: false });
    await sampler.sample({ noise, conditions, times: uniformGrid(4) });
    await sampler.sample({ noise, conditions, times: [1, 0.3, 0] });
    expect(counted.counts).toEqual({ compiled: 1, written: 1, runs: 6, live: 0 });
    await sampler.dispose();
    await expect(sampler.sample({ noise, conditions, times: [1, 0] })).rejects.toThrow(/disposed/);
  });

  test("follow the sampler of the model's kind unless told otherwise", async () => {
    const draw = async (kind: Model['kind'], sampler?: Sampler) => {
      const options = { batchSize: 5, ...(sampler ? { sampler } : {}) };
      const compiled = await compileSampler(runtime, { ...model, kind }, options);
      return compiled.sample({ noise, conditions, times: uniformGrid(2) });
    };
    expect(await draw('flowMap')).toEqual(await draw('flowMap', flowMapSampler()));
    expect(await draw('velocity')).toEqual(await draw('flowMap', heun()));
    expect(await draw('velocity')).not.toEqual(await draw('flowMap', euler()));
  });

  test('give the noise itself for a step of length 0', async () => {
    const sampler = await compileSampler(runtime, model, { batchSize: 2 });
    expect((await sampler.sample({ noise, conditions, times: [0.4, 0.4] })).data).toEqual(noise.data);
  });

  test('refuse invalid arguments', async () => {
    const sampler = await compileSampler(runtime, model, { batchSize: 2 });
    const times = [1, 0];
    const refused = (args: Parameters<typeof sampler.sample>[0], message: RegExp) =>
      expect(sampler.sample(args)).rejects.toThrow(message);
    await refused(
      { noise: hostTensor([2, 3], new Float32Array(6)), conditions, times },
      /sample, noise: wanted \[count, 2\], got \[2, 3\]/,
    );
    await refused({ noise: hostTensor([1, 2], new Int32Array(2)), conditions, times }, /sample, noise/);
    const given = (label: Int32Array | Float32Array) => ({ noise, conditions: { label }, times });
    await refused({ noise, times }, /conditions.label: wanted int32 \[\] for each of 5 samples, got none/);
    await refused(given(label.slice(1)), /conditions.label: wanted 5 values for 5 samples, got 4/);
    await refused(given(Int32Array.of(0, 1, 3, 0, 0)), /wanted a whole number from 0 to 2, sample 2 has 3/);
    await refused(given(Float32Array.from(label)), /conditions.label: wanted int32, got Float32Array/);
    const scaled = { label, scale: new Float32Array(5) };
    await refused({ noise, conditions: scaled, times }, /conditions.scale: network 'mlp' takes .*'label' int32 \[\]/);
    await refused({ noise, conditions, times: [1] }, /times: wanted at least two times .* got 1 times/);
    await refused({ noise, conditions, times: [1, NaN] }, /got the time NaN/);
    await refused({ noise, conditions, times: [999, 0] }, /got the time 999/);
    await expect(compileSampler(runtime, { ...model, params: {} }, { batchSize: 1 })).rejects.toThrow(/missing/);
    const plain = mlp({ shape: [2], width: 4, depth: 1 });
    const field = await compileSampler(
      runtime,
      { kind: 'velocity', network: plain, params: plain.init(0), classes: [] },
      { batchSize: 5 },
    );
    await expect(field.sample({ noise, conditions, times })).rejects.toThrow(
      /label: network 'mlp' takes no conditions/,
    );
  });

  test('keeps more than 256 MiB of parameters out of the program unless told otherwise', async () => {
    const large = mlp({ shape: [2], width: 4096, depth: 1 });
    // Untouched zeros take no memory.
    const zeros = new Float32Array(4096 ** 2);
    const params = Object.fromEntries(
      Object.entries(large.parameters).map(([name, { shape }]) => {
        return [
          name,
          hostTensor(
            shape,
            zeros.subarray(
              0,
              shape.reduce((a, b) => a * b, 1),
            ),
          ),
        ];
      }),
    );
    const states: string[][] = [];
    const stopping: Runtime = {
      ...runtime,
      compile({ state }) {
        states.push(Object.keys(state));
        return Promise.reject(new Error('seen'));
      },
    };
    const model: Model = { kind: 'velocity', network: large, params, classes: [] };
    await expect(compileSampler(stopping, model, { batchSize: 1 })).rejects.toThrow('seen');
    // So do programs that are not those of a sampler.
    const field = { batchSize: 1, inputs: { x: [1, 2] }, state: { held: [1, 2] } };
    const trace = (): Tensors => ({ zero: full(0) });
    await expect(compileField(stopping, 'none', model, field, trace)).rejects.toThrow('seen');
    const small = mlp({ shape: [2], width: 4, depth: 1 });
    const few = { ...model, network: small, params: small.init(0) };
    await expect(compileSampler(stopping, few, { batchSize: 1 })).rejects.toThrow('seen');
    await expect(compileSampler(stopping, few, { batchSize: 1, frozen: false })).rejects.toThrow('seen');
    await expect(compileField(stopping, 'none', few, field, trace)).rejects.toThrow('seen');
    const names = Object.keys(large.parameters);
    const own = ['held', ...names.map((name) => `params.${name}`)];
    expect(states).toEqual([names, own, [], Object.keys(small.parameters), ['held']]);
  });
});
