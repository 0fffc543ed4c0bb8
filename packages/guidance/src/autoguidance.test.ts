import {
  ConfigError,
  gaussianVelocity,
  mlp,
  perSample,
  type Model,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, hostTensor, jvp, normals, type HostTensor, type Runtime, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { autoguidance } from './autoguidance.js';

const strong = gaussianVelocity({ std: 0.5 });
const weak = gaussianVelocity({ std: 0.8 });
const x = hostTensor([4, 1], Float32Array.of(-1.5, -0.25, 0.5, 1));

/** Where a field's ODE leads from noise, by fourth-order Runge-Kutta in 128 steps: the exact map to about 1e-8. */
async function end(field: VelocityField, scales?: HostTensor): Promise<number[]> {
  const steps = 128;
  const { data } = await evaluate(
    referenceRuntime(),
    (z, ...given) => {
      const [guidance] = given;
      const v = (x: Tensor, t: number) =>
        field.velocity({}, { x, t: full(t, [4]), conditions: guidance ? { guidance } : {} });
      let point = z;
      for (let i = 0; i < steps; i++) {
        const [t, h] = [1 - i / steps, -1 / steps];
        const a = v(point, t);
        const b = v(point.add(a.mul(h / 2)), t + h / 2);
        const c = v(point.add(b.mul(h / 2)), t + h / 2);
        const d = v(point.add(c.mul(h)), t + h);
        const slopes = a.add(b.mul(2)).add(c.mul(2)).add(d);
        point = point.add(slopes.mul(h / 6));
      }
      return point;
    },
    scales ? [x, scales] : [x],
  );
  return Array.from(data);
}

/** A field at t = 0.6, 0.3, 0.9, 0.1. */
async function at(field: VelocityField): Promise<number[]> {
  const t = hostTensor([4], Float32Array.of(0.6, 0.3, 0.9, 0.1));
  const { data } = await evaluate(referenceRuntime(), (x, t) => field.velocity({}, { x, t }), [x, t]);
  return Array.from(data);
}

describe('guided Gaussians', () => {
  test.each([
    [1, 0.5],
    [2, 0.3125],
    [3, 0.1953125],
  ])('of different width: at %d the deviation is %d', async (scale, std) => {
    const points = await end(autoguidance({ strong, weak, scale }));
    points.forEach((value, i) => expect(Math.abs(value - std * x.data[i]!)).toBeLessThan(1e-6));
  });

  test('of different mean: the mean is 1.8', async () => {
    const [a, b] = [gaussianVelocity({ mean: 1, std: 0.5 }), gaussianVelocity({ mean: 0.2, std: 0.5 })];
    const points = await end(autoguidance({ strong: a, weak: b, scale: 2 }));
    points.forEach((value, i) => expect(Math.abs(value - 1.8 - 0.5 * x.data[i]!)).toBeLessThan(1e-6));
  });

  test('each by its own scale', async () => {
    const field = autoguidance({ strong, weak, scale: 'guidance' });
    expect(field.conditions).toEqual({ guidance: [] });
    const scales = [1, 1.5, 2, 3];
    const points = await end(field, hostTensor([4], Float32Array.from(scales)));
    points.forEach((value, i) => {
      const std = 0.5 ** scales[i]! * 0.8 ** (1 - scales[i]!);
      expect(Math.abs(value - std * x.data[i]!)).toBeLessThan(1e-6);
    });
  });
});

test('is the strong field to the bit at a scale of 1, outside its interval, and where both agree', async () => {
  const alone = await at(strong);
  expect(await at(autoguidance({ strong, weak, scale: 1 }))).toEqual(alone);
  expect(await at(autoguidance({ strong, weak: strong, scale: 2.7 }))).toEqual(alone);
  const full = await at(autoguidance({ strong, weak, scale: 2 }));
  const within = await at(autoguidance({ strong, weak, scale: 2, interval: [0.2, 0.7] }));
  expect(within).toEqual([full[0], full[1], alone[2], alone[3]]);
});

test('nests, with the conditions of all', async () => {
  const inner = autoguidance({ strong, weak, scale: 'inner' });
  const outer = autoguidance({ strong: inner, weak, scale: 'guidance' });
  expect(outer.conditions).toEqual({ inner: [], guidance: [] });
  const fixed = (scale: number) => autoguidance({ strong, weak, scale });
  const nested = await at(autoguidance({ strong: fixed(2), weak, scale: 1.5 }));
  const flat = await at(fixed(3)); // scales against the same weak field multiply
  nested.forEach((value, i) => expect(value).toBeCloseTo(flat[i]!, 12));
});

test('has the derivative of the formula', async () => {
  const guided = autoguidance({ strong, weak, scale: 2 });
  const slope = (field: VelocityField) => async (): Promise<number[]> => {
    const t = hostTensor([4], Float32Array.of(0.6, 0.3, 0.9, 0.1));
    const { data } = await evaluate(
      referenceRuntime(),
      (x, t) => {
        const along = [x.mul(0).add(0.7), t.mul(0).add(1)];
        return jvp((x, t) => field.velocity({}, { x: x, t: t }), [x, t], along)[1];
      },
      [x, t],
    );
    return Array.from(data);
  };
  const [ours, a, b] = [await slope(guided)(), await slope(strong)(), await slope(weak)()];
  ours.forEach((value, i) => expect(value).toBeCloseTo(2 * a[i]! - b[i]!, 12));
});

test('combines velocities that can only be run', async () => {
  const opaque = (field: VelocityField): OpaqueField => ({
    evaluate: (x, t) => evaluate(referenceRuntime(), (x, t) => field.velocity({}, { x, t }), [x, t]),
  });
  const t = hostTensor([4], Float32Array.of(0.6, 0.3, 0.9, 0.1));
  const guidance = hostTensor([4], Float32Array.of(1, 2, 2, 3));
  const scale = 'guidance';
  const runtime = referenceRuntime();
  const traced = autoguidance({ strong, weak, scale });
  const { data } = await evaluate(
    runtime,
    (x, t, guidance) => traced.velocity({}, { x, t, conditions: { guidance } }),
    [x, t, guidance],
  );
  for (const [good, bad] of [
    [opaque(strong), opaque(weak)],
    [strong, opaque(weak)],
  ] as const) {
    const field = autoguidance({ strong: good, weak: bad, scale, runtime }) as OpaqueField;
    const got = await field.evaluate(x, t, { guidance });
    got.data.forEach((value, i) => expect(value).toBeCloseTo(data[i]!, 6));
    await expect(field.evaluate(x, t, {})).rejects.toThrow('conditions.guidance');
  }
  expect(() => autoguidance({ strong, weak: opaque(weak), scale })).toThrow('give a runtime');
});

test('a traced velocity beside one that can only be run is compiled once for a shape', async () => {
  const runtime = referenceRuntime();
  let compiled = 0;
  const counting: Runtime = { ...runtime, compile: (...args) => (compiled++, runtime.compile(...args)) };
  const still: OpaqueField = { evaluate: (x) => Promise.resolve({ ...x, data: x.data.slice().fill(0) }) };
  const field = autoguidance({ strong, weak: still, scale: 2, runtime: counting }) as OpaqueField;
  const t = hostTensor([4], Float32Array.of(0.6, 0.3, 0.9, 0.1));
  const first = await field.evaluate(x, t, {});
  expect((await field.evaluate(x, t, {})).data).toEqual(first.data);
  expect(compiled).toBe(1);
  await field.evaluate(hostTensor([2, 1], x.data.slice(0, 2)), hostTensor([2], t.data.slice(0, 2)), {});
  expect(compiled).toBe(2);
});

describe('refuses', () => {
  const of = (options: Parameters<typeof mlp>[0], classes: string[]): Model => {
    const network = mlp({ width: 8, depth: 1, classes: classes.length, ...options });
    return { kind: 'velocity', network, params: network.init(0), classes };
  };
  const model = of({ shape: [2] }, ['cat', 'dog']);

  test.each<[string, Model]>([
    ['the shape of samples: the strong one has [2], it has [3]', of({ shape: [3] }, ['cat', 'dog'])],
    ["class 1: the strong one has 'dog', it has 'fox'", of({ shape: [2] }, ['cat', 'fox'])],
    ["class 1: the strong one has 'dog', it has none", of({ shape: [2] }, ['cat'])],
    ["the condition 'size'", of({ shape: [2], conditions: { size: [] } }, ['cat', 'dog'])],
  ])('a weak model that differs in %s', (message, other) => {
    const build = () => autoguidance({ strong: model, weak: other, scale: 2 });
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
  });

  test('scales and intervals that make no sense', () => {
    for (const scale of [0.9, NaN, Infinity, '']) {
      expect(() => autoguidance({ strong, weak, scale })).toThrow(ConfigError);
    }
    expect(() => autoguidance({ strong, weak, scale: 2, interval: [0.7, 0.2] })).toThrow('autoguidance.interval');
  });
});

test('guides networks with parameters of their own', async () => {
  const network = mlp({ shape: [1], width: 8, depth: 1 });
  const drawn = (seed: number): Model => {
    const params = Object.entries(network.init(seed)).map(([name, { shape, data }]) => {
      return [name, hostTensor(shape, normals({ seed, purpose: name }, data.length))] as const;
    });
    return { kind: 'velocity', network, params: Object.fromEntries(params), classes: [] };
  };
  const [a, b] = [drawn(1), drawn(2)];
  const guided = autoguidance({ strong: a, weak: b, scale: 2 });
  const { parameters } = guided;
  const names = Object.keys(parameters);
  const { data } = await evaluate(
    referenceRuntime(),
    (x, ...values) => {
      const params = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      const side = (prefix: string) =>
        Object.fromEntries(Object.keys(network.parameters).map((name) => [name, params[`${prefix}.${name}`]!]));
      const inputs = { x, t: full(0.4, [4]) };
      const strong = network.apply(side('strong'), inputs).mul(2);
      const formula = strong.sub(network.apply(side('weak'), inputs));
      const difference = guided.velocity(params, inputs).sub(formula);
      return difference.abs().add(perSample(full(0, [4]), x));
    },
    [x, ...Object.values(parameters)],
  );
  data.forEach((value) => expect(value).toBeLessThan(1e-12));
});
