import { constant, hostTensor, input, normals, sizeOf, type Tensor, type Tensors } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { ConfigError } from './errors.js';
import { flowMap } from './flow-map.js';
import { mlp } from './networks/mlp.js';
import type { FlowMap } from './plugins.js';

const runtime = referenceRuntime();
const small = { shape: [2], width: 6, depth: 1 };

/** Values of a function of a flow map with random parameters, at four points. */
function on(
  network: ReturnType<typeof mlp>,
  f: (map: FlowMap, x: Tensor, t: Tensor, s: Tensor, params: Tensors) => readonly Tensor[],
) {
  const names = Object.keys(network.parameters);
  const params = Object.values(network.parameters).map(({ shape }, i) =>
    hostTensor(shape, normals({ seed: 1, purpose: 'parameter', step: i }, sizeOf(shape))),
  );
  const x = hostTensor([4, 2], normals({ seed: 1, purpose: 'x' }, 8));
  const times = [hostTensor([4], Float64Array.of(1, 0.7, 0.3, 0)), hostTensor([4], Float64Array.of(0, 0.2, 0.9, 0))];
  return evaluate(
    runtime,
    (...args) => {
      const [x, t, s] = args.slice(names.length) as [Tensor, Tensor, Tensor];
      const symbols = Object.fromEntries(names.map((name, i) => [name, args[i]!]));
      return f(flowMap(network, symbols), x, t, s, symbols);
    },
    [...params, x, ...times],
  );
}

test('f(x, t, t) = x to the last bit, whatever the network outputs', async () => {
  // The target time is a separate tensor, so that nothing can be simplified away.
  const [end, x, average] = await on(mlp({ ...small, interval: true }), (map, x, t, s) => {
    const same = s.mul(0).add(t);
    return [map.map(x, t, same), x, map.averageVelocity(x, t, same)];
  });
  expect(end!.data).toEqual(x!.data);
  expect(average!.data.every((value) => value !== 0)).toBe(true);
});

test('f(x, t, s) = x + (s - t) F(x, t, s), forwards and backwards', async () => {
  const [end, x, average] = await on(mlp({ ...small, interval: true }), (map, x, t, s) => [
    map.map(x, t, s),
    x,
    map.averageVelocity(x, t, s),
  ]);
  const steps = [-1, -0.5, 0.6, 0];
  end!.data.forEach((value, i) => {
    const step = steps[Math.floor(i / 2)]!;
    expect(value).toBeCloseTo(x!.data[i]! + step * average!.data[i]!, 12);
  });
});

test('a velocity field ignores the target time: its flow map is an Euler step', async () => {
  const [at, elsewhere] = await on(mlp(small), (map, x, t, s) => [
    map.averageVelocity(x, t, s),
    map.averageVelocity(x, t, s.mul(0)),
  ]);
  expect(at).toEqual(elsewhere);
});

test('under other conditions it is the same network, and keeps the conditions that are not replaced', async () => {
  const network = mlp({ ...small, interval: true, classes: 3, conditions: { guidance: [] } });
  const constants = (label: number, guidance: number): Tensors => ({
    label: constant(Array<number>(4).fill(label), [4], 'int32'),
    guidance: constant(Array<number>(4).fill(guidance)),
  });
  const averages = await on(network, (_, x, t, s, params) => {
    const at = (map: FlowMap): Tensor => map.averageVelocity(x, t, s);
    const under = (label: number, guidance: number): FlowMap =>
      flowMap(network, params, { conditions: constants(label, guidance) });
    const { label } = constants(2, 0);
    const { guidance } = constants(0, 0.7);
    const other = under(0, 0.1).under({ label: label! });
    return [
      at(under(0, 0.1)),
      at(other),
      at(under(2, 0.1)),
      at(other.under({ guidance: guidance! })),
      at(under(2, 0.7)),
    ];
  });
  const [first, replaced, wanted, both, wantedBoth] = averages;
  expect(replaced).toEqual(wanted);
  expect(both).toEqual(wantedBoth);
  expect(replaced).not.toEqual(first);
  expect(both).not.toEqual(replaced);
});

test('refuses a condition that the network does not take', () => {
  const network = mlp(small);
  const [x, t] = [input('x', [4, 2]), input('t', [4])];
  const trace = () => flowMap(network, {}).under({ guidance: t }).averageVelocity(x, t, t);
  expect(trace).toThrow("conditions.guidance: network 'mlp' takes no conditions");
});

test('a network with classes needs labels', () => {
  const network = mlp({ ...small, classes: 2 });
  const params = Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const [x, t] = [input('x', [4, 2]), input('t', [4])];
  const trace = () => flowMap(network, params).averageVelocity(x, t, t);
  expect(trace).toThrow(ConfigError);
  expect(trace).toThrow(
    "conditions.label: network 'mlp' takes the conditions 'label' int32 [] for each sample; got none",
  );
});
