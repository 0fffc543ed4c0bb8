import { dit, mlp, unet, velocityField, type Model } from '@flowmap/core';
import { gradients, hostTensor, normals, program, sizeOf, type HostTensors, type Tensors } from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, it } from 'vitest';
import { exportNetwork } from '../export/export-network.js';
import { importOnnx } from './import-onnx.js';
import { importedPredictor } from './mapping.js';

const runtime = referenceRuntime();

const networks = {
  'an MLP': mlp({ shape: [2], classes: 3, width: 8, depth: 1 }),
  'a DiT': dit({ shape: [1, 4, 4], classes: 3, width: 8, depth: 1, heads: 2, patch: 2 }),
  'a UNet': unet({ shape: [1, 4, 4], classes: 3, channels: [4, 8], groupSize: 4, heads: 2 }),
};
const mapping = { x: 'sample', t: 'timestep', conditions: { label: 'class_labels' }, timeScale: 1000 };

/** A velocity with its derivative along the trajectory and the gradients of its square, which depends on both. */
async function taught(
  parameters: HostTensors,
  velocity: (params: Tensors, x: Tensors[string], t: Tensors[string], label: Tensors[string]) => Tensors[string],
  shape: readonly number[],
): Promise<{ v: ArrayLike<number>; gradient: HostTensors }> {
  const names = Object.keys(parameters);
  const traced = program<string, string>(
    'taught',
    { inputs: { x: [3, ...shape], t: [3], label: { shape: [3], dtype: 'int32' } }, state: parameters },
    ({ x, t, label }, params) => {
      const v = velocity(params, x!, t!, label!);
      const bars = gradients(v.square().mean(), params);
      return { outputs: { v, ...Object.fromEntries(names.map((name) => [`d ${name}`, bars[name]!])) } };
    },
  );
  const executable = await runtime.compile(traced);
  await executable.writeState(parameters);
  const x = Float32Array.from(normals({ seed: 1, purpose: 'x' }, 3 * sizeOf(shape)));
  const outputs = await executable.run({
    x: hostTensor([3, ...shape], x),
    t: hostTensor([3], [0.2, 0.5, 0.9]),
    label: hostTensor([3], Int32Array.of(0, 2, 1)),
  });
  const read = await Promise.all(
    Object.entries(outputs).map(async ([name, tensor]) => [name, await tensor.read()] as const),
  );
  const values = Object.fromEntries(read);
  return { v: values['v']!.data, gradient: Object.fromEntries(names.map((name) => [name, values[`d ${name}`]!])) };
}

describe('a network of ours that was exported', () => {
  it.each(Object.entries(networks))('comes back as %s, with equal outputs and gradients', async (_, network) => {
    const drawn = Object.entries(network.init(1)).map(([name, { shape }], i) => {
      const numbers = normals({ seed: 2, purpose: 'weights', sample: i }, sizeOf(shape));
      return [
        name,
        hostTensor(
          shape,
          Float32Array.from(numbers, (number) => 0.3 * number),
        ),
      ] as const;
    });
    const params = Object.fromEntries(drawn);
    const model: Model = { kind: 'velocity', network, params, classes: ['a', 'b', 'c'] };
    const field = velocityField(model);
    const own = await taught(
      field.parameters,
      (p, x, t, label) => field.velocity(p, { x, t, conditions: { label } }),
      network.config.shape,
    );

    const imported = importOnnx(exportNetwork(model).model);
    const predictor = importedPredictor(imported, mapping);
    const again = await taught(
      predictor.parameters,
      (p, x, t, label) => predictor.predict(p, { x, t, conditions: { label } }),
      network.config.shape,
    );
    // Both are computed in float64, from weights and constants that the file has in float32.
    Array.from(own.v).forEach((value, i) => expect(again.v[i]).toBeCloseTo(value, 5));

    // Weights have other names in a file, and keep their numbers.
    const keyOf = ({ data }: HostTensors[string]): string =>
      Array.from(data.subarray(0, 3), (one) => one.toFixed(5)).join();
    const found = new Map(Object.entries(imported.parameters).map(([name, value]) => [keyOf(value), name]));
    let compared = 0;
    for (const [name, value] of Object.entries(params)) {
      const theirs = found.get(keyOf(value));
      if (theirs === undefined) continue; // cut into parts, or multiplied into others, by the exporter
      compared++;
      const [a, b] = [own.gradient[name]!.data, again.gradient[theirs]!.data];
      Array.from(a).forEach((number, i) => expect(b[i]).toBeCloseTo(number, 4));
    }
    expect(compared).toBeGreaterThan(0.7 * Object.keys(params).length);
  });
});
