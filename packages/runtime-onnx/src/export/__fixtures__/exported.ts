import {
  parametrizationOf,
  pathOf,
  samplerProgram,
  uniformGrid,
  type Model,
  type Network,
  type Sampler,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normals, sizeOf, type HostTensor, type HostTensors } from '@flowmap/tensor';
import type { Tensor } from 'onnxruntime-node';
import type { Ort } from '../../load-ort.js';

const reference = referenceRuntime();

const drawn = (shape: readonly number[], purpose: string, scale = 1): HostTensor =>
  hostTensor(
    shape,
    Float32Array.from(normals({ seed: 3, purpose }, sizeOf(shape)), (value) => scale * value),
  );

/** A model whose parameters are all drawn at random, as many are zero at the start. */
export function modelOf(kind: Model['kind'], network: Network, more: Partial<Model> = {}): Model {
  const params = Object.entries(network.parameters).map(([name, { shape }]) => {
    const terms = shape.length > 1 ? sizeOf(shape) / Math.max(shape[0]!, shape.at(-1)!) : 25;
    return [name, drawn(shape, name, 1 / Math.sqrt(terms))] as const;
  });
  const classes = 'label' in network.conditions ? ['cat', 'dog', 'owl'] : [];
  return { kind, network, params: Object.fromEntries(params), classes, ...more };
}

/** Inputs for a number of samples, as the file takes them. */
export function inputsOf({ network }: Model, count: number, steps: number, sampler?: Sampler): HostTensors {
  const points = [count, ...network.config.shape];
  return {
    noise: drawn(points, 'noise'),
    times: hostTensor([steps + 1], uniformGrid(steps)),
    ...(sampler?.draws ? { step_noise: drawn([steps, ...points], 'steps') } : {}),
    ...('label' in network.conditions
      ? {
          label: hostTensor(
            [count],
            Int32Array.from({ length: count }, (_, i) => i % 3),
            'int32',
          ),
        }
      : {}),
    ...('guidance' in network.conditions ? { guidance: hostTensor([count], new Float32Array(count).fill(1.5)) } : {}),
  };
}

/** Samples by the sampler's own program, in float64. */
export async function wanted(model: Model, sampler: Sampler, inputs: HostTensors, steps: number): Promise<HostTensor> {
  const program = samplerProgram(sampler, {
    network: model.network,
    path: pathOf(model),
    parametrization: parametrizationOf(model),
    batchSize: inputs['noise']!.shape[0]!,
    steps,
  });
  const executable = await reference.compile(program);
  await executable.writeState(model.params);
  const names: Record<string, string> = { noise: 'x', step_noise: 'noise', times: 'times' };
  const given = Object.entries(inputs).map(([name, value]) => [names[name] ?? `conditions.${name}`, value] as const);
  const carry = Object.entries(program.inputs)
    .filter(([name]) => name.startsWith('carry.'))
    .map(([name, { shape }]) => [name, hostTensor(shape, new Float32Array(sizeOf(shape)))] as const);
  const { x } = await executable.run(Object.fromEntries([...given, ...carry]));
  return x!.read();
}

/** Inputs in the form of onnxruntime. */
export function feedsOf(ort: Pick<Ort, 'Tensor'>, inputs: HostTensors): Record<string, Tensor> {
  const feeds = Object.entries(inputs).map(([name, { dtype, data, shape }]) => {
    return [name, new ort.Tensor(dtype as 'float32', data as Float32Array, shape)] as const;
  });
  return Object.fromEntries(feeds);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}
