import { hostTensor, jvp, full, type Tensor } from '@flowmap/tensor';
import { derivativesOf, evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { gaussianFlowMap, gaussianVelocity, mixtureFlowMap, mixtureVelocity } from './closed-forms.js';
import { ConfigError } from './errors.js';
import { trigonometricPath } from './path.js';
import type { FlowMap, VelocityField } from './plugins.js';

const runtime = referenceRuntime();
const column = (values: readonly number[]) => hostTensor([values.length, 1], Float64Array.from(values));
const times = (values: readonly number[]) => hostTensor([values.length], Float64Array.from(values));

type Point = readonly [x: number, t: number, s: number];

/** Values of a function of `(x, t, s)` at several points. */
async function at(f: (x: Tensor, t: Tensor, s: Tensor) => Tensor, points: readonly Point[]): Promise<number[]> {
  const [x, t, s] = [0, 1, 2].map((i) => points.map((point) => point[i]!)) as [number[], number[], number[]];
  const result = await evaluate(runtime, (...args) => f(...(args as [Tensor, Tensor, Tensor])), [
    column(x),
    times(t),
    times(s),
  ]);
  return Array.from(result.data);
}

const mapAt = (flow: FlowMap, points: readonly Point[]): Promise<number[]> =>
  at((x, t, s) => flow.map(x, t, s), points);

const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
const pairs: readonly [string, VelocityField, FlowMap][] = [
  ['centred Gaussian', gaussianVelocity({ std: 0.5 }), gaussianFlowMap({ std: 0.5 })],
  ['shifted Gaussian', gaussianVelocity({ mean: 0.7, std: 0.5 }), gaussianFlowMap({ mean: 0.7, std: 0.5 })],
  ['mixture', mixtureVelocity(mixture), mixtureFlowMap(mixture)],
  [
    'centred Gaussian on the trigonometric path',
    gaussianVelocity({ std: 0.5 }, trigonometricPath),
    gaussianFlowMap({ std: 0.5 }, trigonometricPath),
  ],
  [
    'shifted Gaussian on the trigonometric path',
    gaussianVelocity({ mean: 0.7, std: 1.3 }, trigonometricPath),
    gaussianFlowMap({ mean: 0.7, std: 1.3 }, trigonometricPath),
  ],
];
const inner: readonly Point[] = [
  [0.37, 0.8, 0.3],
  [-0.6, 0.9, 0.1],
  [1.1, 0.4, 0.7],
  [-1.3, 0.5, 0.45],
];

// Each value was computed from the formula in double precision and printed with 14 decimals (8 for the mixture).
describe('known values', () => {
  test('Gaussian with std 0.5', async () => {
    const exact = gaussianFlowMap({ std: 0.5 });
    const [a, b, c] = await mapAt(exact, [[0.37, 1, 0], [0.37, 0.8, 0.3], [0.37, 0.3, 0.9]]); // prettier-ignore
    expect(a).toBeCloseTo(0.185, 14);
    expect(b).toBeCloseTo(0.21155559371184, 13);
    expect(c).toBeCloseTo(0.72349234720941, 13);
    expect((await at((x, t, s) => exact.averageVelocity(x, t, s), [[1, 1, 0.5]]))[0]).toBeCloseTo(0.88196601125011, 13);
  });

  test('Gaussian with mean 0.7', async () => {
    const [a, b] = await mapAt(gaussianFlowMap({ mean: 0.7, std: 0.5 }), [[0.37, 1, 0], [0.37, 0.8, 0.3]]); // prettier-ignore
    expect(a).toBeCloseTo(0.885, 14);
    expect(b).toBeCloseTo(0.62150753122628, 13);
  });

  test('velocity of a Gaussian', async () => {
    const field = gaussianVelocity({ std: 0.5 });
    const points: Point[] = [[0.7, 0.1, 0], [0.7, 0.5, 0], [0.7, 0.9, 0], [0.7, 1, 0], [0.7, 0, 0]]; // prettier-ignore
    const values = await at((x, t) => field.velocity({}, { x, t }), points);
    // v(x, 1) = x - mean and v(x, 0) = -x
    [-0.411765, 0.84, 0.753846, 0.7, -0.7].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
  });

  test('Gaussian on the trigonometric path', async () => {
    const [mean, std] = [0.7, 0.5];
    const exact = gaussianFlowMap({ mean, std }, trigonometricPath);
    const values = await mapAt(exact, inner);
    const at = (t: number): { centre: number; spread: number } => {
      const angle = (Math.PI / 2) * t;
      return { centre: mean * Math.cos(angle), spread: Math.hypot(std * Math.cos(angle), Math.sin(angle)) };
    };
    for (const [i, [x, t, s]] of inner.entries()) {
      const wanted = at(s).centre + (at(s).spread / at(t).spread) * (x - at(t).centre);
      expect(values[i]).toBeCloseTo(wanted, 13);
    }
    // Data of standard deviation 1 keeps it along the whole path, and points stay where they are.
    const still = await mapAt(gaussianFlowMap({ std: 1 }, trigonometricPath), inner);
    for (const [i, [x]] of inner.entries()) expect(still[i]).toBeCloseTo(x, 14);
  });

  test('mixture', async () => {
    const points: Point[] = [[0.1, 1, 0], [-0.7, 1, 0], [1.5, 0.9, 0.2], [0.2, 0.6, 0]]; // prettier-ignore
    const values = await mapAt(mixtureFlowMap(mixture), points);
    [0.99732645, -0.74056165, 1.59112048, 0.87671643].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 8));
  });

  test('a mixture of one component is that Gaussian, whatever its weight is', async () => {
    const one = { weights: [3], means: [0.7], stds: [0.5] };
    const expected = await mapAt(gaussianFlowMap({ mean: 0.7, std: 0.5 }), inner);
    const values = await mapAt(mixtureFlowMap(one), inner);
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
  });
});

test('a mixture of one component has the derivatives of that Gaussian, including mixed ones and those at s = t', async () => {
  const gaussian = gaussianFlowMap({ mean: 0.7, std: 0.5 });
  const one = mixtureFlowMap({ weights: [3], means: [0.7], stds: [0.5] });
  const points = [...inner, [0.37, 0.8, 0.8], [-0.6, 0.3, 0.3], [1.1, 1, 1], [0.2, 0, 0]] as const;
  const [x, t, s] = [0, 1, 2].map((i) => points.map((point) => point[i]!)) as [number[], number[], number[]];
  const ones = (values: readonly number[]): number[] => values.map((_, i) => [1, -0.5, 0.7][i % 3]!);
  const args = [column(x), times(t), times(s), column(ones(x)), times(ones(t)), times(ones(s)), column(ones(x))];
  const of = (flow: FlowMap) =>
    evaluate(
      runtime,
      (x, t, s, dx, dt, ds, u) => {
        const f = (x: Tensor, t: Tensor, s: Tensor): Tensor => flow.averageVelocity(x, t, s);
        const all = derivativesOf(f, [x, t, s], [dx, dt, ds], u);
        return Object.fromEntries(all.map(({ label, tensor }) => [label, tensor]));
      },
      args,
    );
  const [got, wanted] = [await of(one), await of(gaussian)];
  for (const [label, { data }] of Object.entries(wanted)) {
    data.forEach((value, i) => expect(Math.abs(got[label]!.data[i]! - value), label).toBeLessThan(1e-9));
  }
});

// The only differences are rounding errors: a few times 1e-16, divided by probability densities of at least 0.01.
describe.each(pairs)('%s: identities', (_, field, exact) => {
  const velocity = (x: Tensor, t: Tensor): Tensor => field.velocity({}, { x, t });
  const zeroAt = async (f: (x: Tensor, t: Tensor, s: Tensor) => Tensor): Promise<void> => {
    for (const value of await at(f, inner)) expect(Math.abs(value)).toBeLessThan(1e-11);
  };

  test('f(x, t, t) = x, and F(x, t, t) = v(x, t)', async () => {
    await zeroAt((x, t) => exact.map(x, t, t).sub(x));
    await zeroAt((x, t) => exact.averageVelocity(x, t, t).sub(velocity(x, t)));
  });

  test('f(f(x, t, u), u, s) = f(x, t, s), and back again', async () => {
    await zeroAt((x, t, s) => {
      const u = t.add(s).mul(0.5);
      return exact.map(exact.map(x, t, u), u, s).sub(exact.map(x, t, s));
    });
    await zeroAt((x, t, s) => exact.map(exact.map(x, t, s), s, t).sub(x));
  });

  test('does not change along a trajectory: df/dt = 0 for the tangent (v, 1, 0)', async () => {
    await zeroAt((x, t, s) => {
      const one = t.mul(0).add(1);
      return jvp((x, t) => exact.map(x, t, s), [x, t], [velocity(x, t), one])[1];
    });
  });

  /** The derivative of a field along the trajectory. */
  const along = (field: (x: Tensor, t: Tensor) => Tensor) => (x: Tensor, t: Tensor) =>
    jvp(field, [x, t], [velocity(x, t), full(1, t.shape)])[1];
  /** The derivative of a function of one tensor. */
  const slope = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [full(1, x.shape)])[1];

  test('bends with the acceleration at its end: d2f/ds2 = v(f, s) dv/dx + dv/dt', async () => {
    await zeroAt((x, t, s) => {
      const f = (s: Tensor): Tensor => exact.map(x, t, s);
      return slope(slope(f))(s).sub(along(velocity)(f(s), s));
    });
  });

  // F = v + (s - t) v' / 2 + (s - t)^2 v'' / 6 + ..., with ' along the trajectory.
  test('has the derivatives of its limit at s = t', async () => {
    const average = (x: Tensor, t: Tensor, s: Tensor): Tensor => exact.averageVelocity(x, t, s);
    const change = along(velocity);
    await zeroAt((x, t) => slope((x) => average(x, t, t))(x).sub(slope((x) => velocity(x, t))(x)));
    await zeroAt((x, t) => slope((s) => average(x, t, s))(t).sub(change(x, t).mul(0.5)));
    await zeroAt((x, t) => {
      const wanted = slope((t) => velocity(x, t))(t).sub(change(x, t).mul(0.5));
      return slope((start) => average(x, start, t))(t).sub(wanted);
    });
    await zeroAt((x, t) => slope(slope((s) => average(x, t, s)))(t).sub(along(change)(x, t).div(3)));
    await zeroAt((x, t) => {
      const mixed = slope((x) => slope((s) => average(x, t, s))(t))(x);
      return mixed.sub(slope((x) => change(x, t))(x).mul(0.5));
    });
  });

  test('moves with the velocity at its end: df/ds = v(f, s)', async () => {
    await zeroAt((x, t, s) => {
      const [end, derivative] = jvp((s) => exact.map(x, t, s), [s], [s.mul(0).add(1)]);
      return derivative.sub(velocity(end, s));
    });
  });
});

test('laws that do not exist are refused', () => {
  expect(() => gaussianVelocity({ std: 0 })).toThrow(ConfigError);
  expect(() => gaussianFlowMap({ mean: NaN, std: 1 })).toThrow(ConfigError);
  expect(() => mixtureVelocity({ weights: [], means: [], stds: [] })).toThrow(ConfigError);
  expect(() => mixtureFlowMap({ weights: [1], means: [0, 1], stds: [1] })).toThrow(ConfigError);
  expect(() => mixtureFlowMap({ weights: [-1], means: [0], stds: [1] })).toThrow(ConfigError);
});
