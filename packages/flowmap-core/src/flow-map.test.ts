import { hostTensor, input, normals, sizeOf, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { ConfigError } from './errors.js';
import { flowMap } from './flow-map.js';
import { mlp } from './networks/mlp.js';

const runtime = referenceRuntime();
const small = { shape: [2], width: 6, depth: 1 };

/** Values of a function of a flow map with random parameters, at four points. */
function on(
  network: ReturnType<typeof mlp>,
  f: (map: ReturnType<typeof flowMap>, x: Tensor, t: Tensor, s: Tensor) => readonly Tensor[],
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
      return f(flowMap(network, symbols), x, t, s);
    },
    [...params, x, ...times],
  );
}

test('f(x, t, t) = x to the last bit, whatever the network says', async () => {
  // The target time comes as a tensor of its own, so that nothing can be simplified away.
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
