import { formatProgram, full, hostTensor, input, jvp, program, ShapeError, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './errors.js';
import { conditionalVelocity, interpolate, linearPath, perSample, trigonometricPath } from './path.js';

const runtime = referenceRuntime();
const x0 = hostTensor([3, 2], [1, 2, 3, 4, 5, 6]);
const z = hostTensor([3, 2], [-1, 0, 0.5, 2, 8, -6]);

test('the path is the data at t = 0, the noise at t = 1 and their mean in the middle', async () => {
  const t = hostTensor([3], [0, 1, 0.5]);
  const { data } = await evaluate(runtime, (x0, z, t) => interpolate(x0, z, t), [x0, z, t]);
  expect(Array.from(data)).toEqual([1, 2, 0.5, 2, 6.5, 0]);
});

test('the velocity is the derivative of the path in t', async () => {
  const t = hostTensor([3], [0, 0.3, 1]);
  const [derivative, velocity] = await evaluate(
    runtime,
    (x0, z, t) => [jvp((t) => interpolate(x0, z, t), [t], [t.mul(0).add(1)])[1], conditionalVelocity(x0, z)],
    [x0, z, t],
  );
  expect(derivative).toEqual(velocity);
});

test('the linear path is the default', () => {
  const build = (...path: [] | [typeof linearPath]) =>
    formatProgram(
      program('path', { inputs: { x0: [3, 2], z: [3, 2], t: [3] } }, ({ x0, z, t }) => ({
        outputs: { x: interpolate(x0, z, t, ...path), v: conditionalVelocity(x0, z, t, ...path) },
      })),
    );
  expect(build(linearPath)).toBe(build());
  expect(build(trigonometricPath)).not.toBe(build());
});

describe('the trigonometric path', () => {
  test('is the data at t = 0 and the noise at t = 1, exactly, and their sum over the square root of 2 in the middle', async () => {
    const t = hostTensor([3], [0, 1, 0.5]);
    const { data } = await evaluate(runtime, (x0, z, t) => interpolate(x0, z, t, trigonometricPath), [x0, z, t]);
    expect(Array.from(data.slice(0, 4))).toEqual([1, 2, 0.5, 2]);
    expect(data[4]).toBeCloseTo(13 * Math.SQRT1_2, 14);
    expect(data[5]).toBeCloseTo(0, 14);
  });

  test('has the velocity pi / 2 (cos z - sin x0), which needs times', async () => {
    const t = hostTensor([3], Float64Array.of(0, 0.3, 1));
    const velocity = await evaluate(runtime, (x0, z, t) => conditionalVelocity(x0, z, t, trigonometricPath), [
      x0,
      z,
      t,
    ]);
    velocity.data.forEach((value, i) => {
      const angle = (Math.PI / 2) * t.data[i >> 1]!;
      const wanted = (Math.PI / 2) * (Math.cos(angle) * z.data[i]! - Math.sin(angle) * x0.data[i]!);
      expect(value).toBeCloseTo(wanted, 13);
    });
    const x = input('x', [3, 2]);
    expect(() => conditionalVelocity(x, x, undefined, trigonometricPath)).toThrow(ConfigError);
  });
});

test.each([linearPath, trigonometricPath])(
  'the $name path is located by its factors, with derivatives',
  async (path) => {
    const values = [0, 1e-9, 0.07, 0.3, 0.5, 0.81, 1 - 1e-9, 1];
    const t = hostTensor([values.length], Float64Array.from(values));
    const results = await evaluate(
      runtime,
      (t) => {
        const located = (t: Tensor) => {
          const { alpha, sigma } = path.at(t);
          return path.locate(alpha.mul(3), sigma.mul(3));
        };
        const slope = (f: (t: Tensor) => Tensor) => (t: Tensor) => jvp(f, [t], [full(1, t.shape)])[1];
        const time = (t: Tensor) => located(t).time;
        return [time(t), located(t).scale, slope(time)(t), slope(slope(time))(t)];
      },
      [t],
    );
    // Rounding errors only; the second derivative on the trigonometric path has a few dozen terms of size 1.
    values.forEach((value, i) => {
      expect(results[0]!.data[i]).toBeCloseTo(value, 14);
      expect(results[1]!.data[i]).toBeCloseTo(3, 13);
      expect(results[2]!.data[i]).toBeCloseTo(1, 12);
      expect(results[3]!.data[i]).toBeCloseTo(0, 11);
    });
  },
);

test('a point with neither data nor noise is located at time 0', async () => {
  const zero = hostTensor([1], [0]);
  for (const path of [linearPath, trigonometricPath]) {
    const { time, scale } = await evaluate(runtime, (x) => ({ ...path.locate(x, x) }), [zero]);
    expect([time.data[0], scale.data[0]]).toEqual([0, 0]);
  }
});

test('one number per sample takes the rank of the batch, and any other count is refused', () => {
  const x = input('x', [3, 4, 5, 6]);
  expect(perSample(input('t', [3]), x).shape).toEqual([3, 1, 1, 1]);
  expect(() => perSample(input('t', [4]), x)).toThrow(ShapeError);
  expect(() => perSample(input('t', [3, 1]), x)).toThrow(/perSample: wanted one value for each of 3 samples/);
});
