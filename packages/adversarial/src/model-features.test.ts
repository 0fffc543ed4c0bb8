import { dit, mlp, unet, type Model, type Network } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  constant,
  conv2d,
  full,
  hostTensor,
  linear,
  normals,
  rmsNorm,
  sizeOf,
  type HostTensor,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { filled } from './__fixtures__/toy.js';
import { modelFeatures } from './model-features.js';
import { projectedDiscriminator } from './projected-discriminator.js';

const time = 0.3;

function modelOf(network: Network, classes: readonly string[] = []): Model {
  return { kind: 'velocity', network, params: filled(network.parameters, 1), classes };
}

function samples(shape: readonly number[]): HostTensor {
  return hostTensor([2, ...shape], Float64Array.from(normals({ seed: 3, purpose: 'samples' }, 2 * sizeOf(shape))));
}

/** Tensors computed from the parameters and two samples. */
function traced(
  { network, params }: Model,
  f: (params: Tensors, x: Tensor) => readonly Tensor[],
): Promise<HostTensor[]> {
  const names = Object.keys(params);
  return evaluate(
    referenceRuntime(),
    (x: Tensor, ...values: Tensor[]) => f(Object.fromEntries(names.map((name, i) => [name, values[i]!])), x),
    [samples(network.config.shape), ...names.map((name) => params[name]!)],
  );
}

const perceptron = modelOf(mlp({ shape: [3], width: 4, depth: 2 }));
const images = modelOf(unet({ shape: [1, 4, 4], channels: [16, 32], conditionWidth: 8 }));
const patches = modelOf(dit({ shape: [1, 4, 4], patch: 2, width: 8, depth: 2, heads: 2 }));

test.each([
  [perceptron, [[4], [4]]],
  [
    images,
    [
      [32, 2, 2],
      [16, 4, 4],
    ],
  ],
  [
    patches,
    [
      [8, 2, 2],
      [8, 2, 2],
    ],
  ],
])('features are maps and vectors of the parts of a network, %#', async (model, shapes) => {
  const features = modelFeatures(model, { time });
  const found = await traced(model, (params, x) => features.apply(params, x));
  expect(found.map(({ shape }) => shape)).toEqual(shapes.map((shape) => [2, ...shape]));
});

test.each<[Model, (params: Tensors, last: Tensor) => Tensor]>([
  [perceptron, (params, last) => linear(rmsNorm(last), params['output.weight']!, params['output.bias'])],
  [
    images,
    (params, last) => {
      const meanSquare = last.square().mean([1, 2, 3], true); // one group of 16 channels
      const normal = last.div(meanSquare.add(1e-5).sqrt()).silu();
      return conv2d(normal, params['output.weight']!, { padding: 1 }).add(params['output.bias']!.reshape([1, 1, 1, 1]));
    },
  ],
])('the output is made of the last, %#', async (model, head) => {
  const features = modelFeatures(model, { time });
  const [wanted, got] = await traced(model, (params, x) => [
    model.network.apply(params, { x, t: full(time, [2]) }),
    head(params, features.apply(params, x).at(-1)!),
  ]);
  got!.data.forEach((value, i) => expect(value).toBeCloseTo(wanted!.data[i]!, 12));
});

test('a discriminator on a conditional network takes its labels and leaves its parameters fixed', async () => {
  const model = modelOf(mlp({ shape: [3], width: 4, depth: 1, classes: 3 }), ['a', 'b', 'c']);
  const features = modelFeatures(model, { time });
  expect(features).toMatchObject({ name: 'mlp at t = 0.3', classes: 3, shape: [3] });
  const discriminator = projectedDiscriminator({ features });
  expect(discriminator.config['classes']).toBe(3);
  expect(discriminator.parameters['frozen.output.weight']).toMatchObject({ fixed: true });
  const judged = (label: number[]): Promise<HostTensor[]> =>
    traced(model, (params, x) => features.apply(params, x, constant(label, [2], 'int32')));
  const [[a], [b]] = [await judged([0, 1]), await judged([0, 2])];
  expect(a!.data.slice(0, 4)).toEqual(b!.data.slice(0, 4));
  expect(a!.data.slice(4)).not.toEqual(b!.data.slice(4));
  expect(() => projectedDiscriminator({ features, classes: 2 })).toThrow('wanted the 3 of');
});

test('what does not fit is refused', () => {
  const { features: _, ...plain } = perceptron.network;
  const guided = mlp({ shape: [3], conditions: { guidance: [] } });
  expect(() => modelFeatures({ ...perceptron, network: plain })).toThrow("'mlp' offers no features");
  expect(() => modelFeatures({ ...perceptron, kind: 'flowMap' })).toThrow('wanted a velocity field');
  expect(() => modelFeatures(modelOf(guided))).toThrow('got guidance');
  const nameless = modelOf(mlp({ shape: [3], width: 4, depth: 1, classes: 3 }));
  expect(() => modelFeatures(nameless)).toThrow('0 class names for a network with 3 classes');
  expect(() => modelFeatures(perceptron, { time: 1.5 })).toThrow('modelFeatures.time');
});
