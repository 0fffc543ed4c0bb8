import { dit, flowMap, velocityField, type DitOptions, type Network } from '@flowmap/core';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import {
  attention,
  conv2d,
  grad,
  gradients,
  groupNorm,
  hostTensor,
  jvp,
  layerNorm,
  pixelNorm,
  rmsNorm,
  full,
  vjp,
  type ConvOptions,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { constantSchedule, initialState, objectivePhase, phasePrograms, trainee, type Optimizer } from '@flowmap/train';
import { beforeAll, describe, expect, test } from 'vitest';
import { disagreements, parametersOf, readGolden, sines } from './goldens/golden.js';

interface OperationCase {
  readonly name: string;
  readonly operation: keyof typeof operations;
  readonly shapes: readonly (readonly number[])[];
  readonly options?: ConvOptions;
}

interface DitCase {
  readonly network: DitOptions;
  readonly t: readonly number[];
  readonly s: readonly number[];
  readonly label: readonly number[];
}

const operations = {
  attention: ([query, key, value]: Tensor[]) => attention(query!, key!, value!),
  conv2d: ([x, weight]: Tensor[], options: ConvOptions) => conv2d(x!, weight!, options),
  layerNorm: ([x]: Tensor[]) => layerNorm(x!),
  groupNorm: ([x]: Tensor[], { groups = 1 }: ConvOptions) => groupNorm(x!, groups),
  rmsNorm: ([x]: Tensor[]) => rmsNorm(x!),
  pixelNorm: ([x]: Tensor[]) => pixelNorm(x!),
};

const operationGoldens = readGolden<OperationCase[]>('operations');
const stepGolden = readGolden<DitCase & { readonly warmup: number }>('dit-step');
const derivativeGolden = readGolden<DitCase>('dit-derivative');

/** Changes nothing and keeps the gradient in its slot, so that the gradient of a training step can be read. */
const gradientKeeper: Optimizer = {
  name: 'gradient keeper',
  config: {},
  slots: ['seen'],
  scalars: () => ({}),
  update: ({ parameter }, gradient) => ({ parameter, slots: { seen: gradient } }),
};

test.each([operationGoldens, stepGolden, derivativeGolden])('a golden file names its origin: $origin', ({ origin }) => {
  expect(origin).toEqual({
    script: 'tools/reference/generate.py',
    jax: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) as string,
  });
});

test('what differs from a golden, or is not in both, is named', () => {
  const wanted = { a: doubles([2], [1, -4]), b: doubles([2], [1, 2]), c: doubles([], [1]) };
  const got = { a: doubles([2], [1.2, -4]), b: doubles([2], [1, NaN]), d: doubles([1], [1]) };
  expect(disagreements(got, wanted, 0.051)).toEqual([
    'b: relative error NaN',
    'c: wanted float32 [], got nothing',
    'd: wanted nothing, got float32 [1]',
  ]);
  expect(disagreements({ ...got, a: doubles([1, 2], [1, -4]) }, { a: wanted.a }, 0)[0]).toBe(
    'a: wanted float32 [2], got float32 [1, 2]',
  );
  expect(disagreements({ a: got.a }, { a: wanted.a }, 0.049)).toEqual(['a: relative error 5.0e-2']);
});

// The tolerances are the accuracy that the engine promises. The largest error measured is 1.3e-14 in double precision
// and 2.2e-6 in single, both in a training step; the rest is a margin for machines and libraries that sum in a
// different order.
describe.each<{ name: string; tolerance: number; open: () => Promise<Runtime> }>([
  { name: 'reference', tolerance: 1e-10, open: () => Promise.resolve(referenceRuntime()) },
  { name: 'onnx', tolerance: 1e-4, open: () => onnxRuntime({ device: 'cpu', threads: 1 }) },
  { name: 'tfjs wasm', tolerance: 1e-4, open: () => tfjsRuntime({ backend: 'wasm' }) },
])('the $name runtime agrees with JAX to $tolerance', ({ tolerance, open }) => {
  let runtime: Runtime;
  // Loading a back end takes a second on an idle machine, more on a busy one.
  beforeAll(async () => {
    runtime = await open();
  });

  test.each(operationGoldens.case)('on $name and its derivatives', async ({ name, operation, shapes, options }) => {
    const wanted = prefixed(`${name}/`, operationGoldens.results);
    const count = shapes.length;
    const f = (...x: Tensor[]): Tensor => operations[operation](x, options ?? {});
    const build = (...args: Tensor[]): Record<string, Tensor> =>
      derivatives(f, args.slice(0, count), args.slice(count, 2 * count), args[2 * count]!);
    const x = shapes.map((shape, i) => sines(i, shape));
    const v = shapes.map((shape, i) => sines(10 + i, shape));
    const u = sines(20, wanted['value']!.shape);
    expect(disagreements(await evaluate(runtime, build, [...x, ...v, u]), wanted, tolerance)).toEqual([]);
  });

  test('on the loss of a training step and its gradient by every parameter', async () => {
    const { network, x0, noise, t, s, label } = ditInputs(stepGolden.case);
    const params = parametersOf(network, 0);
    const teacherNetwork = dit({ ...network.config, interval: false });
    const teacher = velocityField({
      kind: 'velocity',
      network: teacherNetwork,
      params: parametersOf(teacherNetwork, 100),
      classes: ['a', 'b', 'c'],
    });
    const student = trainee({
      model: { kind: 'flowMap', network, params, classes: ['a', 'b', 'c'] },
      optimizer: gradientKeeper,
      learningRate: constantSchedule(0),
      averages: {},
    });
    const batchSize = label.data.length;
    const phase = objectivePhase({ network, objective: ayfEmd(), teacher, batchSize, seed: 0 });
    const step = await runtime.compile(phasePrograms(phase, { student }).update);
    await step.writeState(initialState({ student }, phase.fixed));
    const r = doubles([], [stepGolden.case.warmup]);
    const outputs = await step.run({ x0, noise, t, s, 'conditions.label': label, 'schedules.r': r });
    const seen = await step.readState(Object.keys(params).map((name) => `student.seen.${name}`));
    const results = Object.fromEntries(
      Object.entries(seen).map(([name, value]) => [name.replace('student.seen.', 'gradient.'), value]),
    );
    for (const [name, tensor] of Object.entries(outputs)) {
      results[name] = await tensor.read();
      tensor.dispose();
    }
    await step.dispose();
    expect(disagreements(results, withoutKeyBiases(stepGolden.results, network), tolerance)).toEqual([]);
  });

  test('on the derivative of a network along a trajectory and the gradient of that', async () => {
    const { network, x0, noise, t, s, label } = ditInputs(derivativeGolden.case);
    const params = parametersOf(network, 0);
    const names = Object.keys(params);
    const build = (...args: Tensor[]): Record<string, Tensor> => {
      const [x, v, t, s, label, u, ...values] = args as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, ...Tensor[]];
      const symbols = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      const student = flowMap(network, symbols, { conditions: { label } });
      const F = (x: Tensor, t: Tensor): Tensor => student.averageVelocity(x, t, s);
      const [averageVelocity, derivative] = jvp(F, [x, t], [v, full(1, t.shape)]);
      const gradient = gradients(sumOfProducts(averageVelocity.add(derivative), u), symbols);
      return {
        averageVelocity,
        derivative,
        ...Object.fromEntries(names.map((name) => [`gradient.${name}`, gradient[name]!])),
      };
    };
    const args = [x0, noise, t, s, label, sines(202, x0.shape), ...Object.values(params)];
    const wanted = withoutKeyBiases(derivativeGolden.results, network);
    expect(disagreements(await evaluate(runtime, build, args), wanted, tolerance)).toEqual([]);
  });
});

/** The results, with only the gradients of parameters that the network still has. */
function withoutKeyBiases(results: HostTensors, network: Network): HostTensors {
  const start = 'gradient.';
  const upgraded = Object.entries(network.upgrade!(prefixed(start, results))).map(([name, g]) => [start + name, g]);
  return { ...results, ...(Object.fromEntries(upgraded) as HostTensors) };
}

/** `f(x)`; `J v`; `J^T u`; the derivative of `grad <u, f(x)>` along `v`; and `grad <u, J v>`. */
function derivatives(f: (...x: Tensor[]) => Tensor, x: Tensor[], v: Tensor[], u: Tensor): Record<string, Tensor> {
  const gradient = (y: typeof f, x: Tensor[]): Tensor[] => grad((...x) => sumOfProducts(y(...x), u), x);
  const [value, tangent] = jvp(f, x, v);
  const results: Record<string, Tensor> = { value, jvp: tangent };
  x.forEach((_, i) => {
    results[`vjp ${String(i)}`] = vjp(f, x)[1](u)[i]!;
    results[`jvp of grad ${String(i)}`] = jvp((...x) => gradient(f, x)[i]!, x, v)[1];
    results[`grad of jvp ${String(i)}`] = gradient((...x) => jvp(f, x, v)[1], x)[i]!;
  });
  return results;
}

function sumOfProducts(a: Tensor, b: Tensor): Tensor {
  return a.mul(b).sum();
}

function ditInputs({ network, t, s, label }: DitCase): {
  readonly network: ReturnType<typeof dit>;
} & Readonly<Record<'x0' | 'noise' | 't' | 's' | 'label', HostTensor>> {
  const batch = [label.length, ...network.shape];
  return {
    network: dit({ ...network, interval: true }),
    x0: sines(200, batch),
    noise: sines(201, batch, 1.4),
    t: doubles([label.length], t),
    s: doubles([label.length], s),
    label: hostTensor([label.length], label, 'int32'),
  };
}

/** Numbers as doubles, which a runtime rounds to its own precision. */
function doubles(shape: readonly number[], values: readonly number[]): HostTensor {
  return hostTensor(shape, Float64Array.from(values));
}

/** The tensors whose names start with a prefix, under the remainder of their names. */
function prefixed(prefix: string, tensors: HostTensors): HostTensors {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
