import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors, type Module } from '@flowmap/core';
import { weights } from '@flowmap/efficientnet-lite0';
import { efficientNetLite0Features, moduleExtractor } from '@flowmap/eval';
import type { ImportedOnnx } from '@flowmap/runtime-onnx';
import { importOnnxFile } from '@flowmap/runtime-onnx/node';
import {
  freeze,
  gradients,
  hostTensor,
  program,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { difference } from '../../packages/contract/src/goldens/imported-golden.js';
import { drawn, resultsOf, type Check } from './check.js';

/** Weights of 11 bits are off by up to 2.4e-4 of themselves, which adds up over 52 convolutions in a row. */
const ROUNDED = 5e-3;

/**
 * timm's EfficientNet-Lite0 as frozen features of two images: compared with timm's own; with those of
 * `@flowmap/eval`, whose weights are rounded to float16; and, with these weights in the imported network, so that
 * only rounding in float32 is left, the features and the gradient with respect to the images.
 */
export async function* checkEfficientNet(folder: string, runtime: Runtime): AsyncGenerator<Check> {
  const results = join(folder, 'efficientnet-lite0.safetensors');
  if (!existsSync(results)) return;
  const { images, features } = decodeSafetensors(await readFile(results), results).tensors as Record<
    'images' | 'features',
    HostTensor
  >;
  const own = efficientNetLite0Features();
  const ownParams = floats(decodeSafetensors(await weights(), 'weights of EfficientNet-Lite0').tensors);
  const ownFeatures = await featuresOf(runtime, own, ownParams, images);
  const ownGradient = await gradientOf(runtime, own, ownParams, images);
  for (const exporter of ['torchscript', 'dynamo']) {
    const model = `efficientnet-lite0-${exporter}.onnx`;
    const network = await importOnnxFile(join(folder, model));
    const module = moduleOf(network);
    const got = await featuresOf(runtime, module, network.parameters, images);
    const rounded = nearest(network.parameters, ownParams);
    const same = await featuresOf(runtime, module, rounded, images);
    const gradient = await gradientOf(runtime, module, rounded, images);
    yield* [
      { model, what: "timm's features", got: difference(got, features.data), limit: 1e-5 },
      { model, what: 'features of @flowmap/eval, float16 weights', got: difference(got, ownFeatures), limit: ROUNDED },
      { model, what: 'these with its weights', got: difference(same, ownFeatures), limit: 1e-5 },
      { model, what: 'gradient by the images with its weights', got: difference(gradient, ownGradient), limit: 1e-4 },
    ];
  }
}

/** For each parameter, the nearest one of its size in `others`: the same weight, rounded. */
function nearest(params: HostTensors, others: HostTensors): HostTensors {
  const entries = Object.entries(params).map(([name, { shape, data }]) => {
    const distances = Object.values(others)
      .filter((other) => other.data.length === data.length)
      .map((other) => ({ other, distance: difference(other.data, data) }));
    const { other, distance } = distances.reduce((a, b) => (b.distance < a.distance ? b : a));
    if (!(distance < 1e-3)) throw new RangeError(`${name} is none of the weights of @flowmap/eval`);
    return [name, hostTensor(shape, other.data as Float32Array)] as const;
  });
  return Object.fromEntries(entries);
}

/** An imported network of images as a module. */
function moduleOf(network: ImportedOnnx): Module<Tensor> {
  const { parameters } = network;
  const specs = Object.entries(parameters).map(([name, { shape, dtype }]) => [name, { shape, dtype }] as const);
  return {
    parameters: Object.fromEntries(specs),
    init: () => parameters,
    apply: (params, images) => network.apply(params, { images })['features']!,
  };
}

async function featuresOf(
  runtime: Runtime,
  module: Module<Tensor>,
  params: HostTensors,
  images: HostTensor,
): Promise<ArrayLike<number>> {
  const shape = images.shape.slice(1);
  const extractor = await moduleExtractor({ name: 'EfficientNet-Lite0', runtime, module, params, shape, batchSize: 2 });
  const { data } = await extractor.extract(images);
  await extractor.dispose();
  return data;
}

/** Gradient of `<u, features>` with respect to the images, with the parameters constant. */
async function gradientOf(
  runtime: Runtime,
  module: Module<Tensor>,
  params: HostTensors,
  images: HostTensor,
): Promise<ArrayLike<number>> {
  const u = drawn('cotangent', [images.shape[0]!, 1280]);
  const built = program('pull back', { inputs: { images, u }, state: module.parameters }, (given, symbols) => {
    const loss = module.apply(symbols, given.images).mul(given.u).sum();
    return { outputs: { gradient: gradients(loss, [given.images])[0]! } };
  });
  const executable = await runtime.compile(freeze(built, params));
  const { gradient } = await resultsOf(executable, { images, u });
  await executable.dispose();
  return gradient!.data;
}

function floats(tensors: HostTensors): HostTensors {
  const entries = Object.entries(tensors).map(
    ([name, { shape, data }]) => [name, hostTensor(shape, Float32Array.from(data))] as const,
  );
  return Object.fromEntries(entries);
}
