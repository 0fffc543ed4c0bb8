import {
  ConfigError,
  gaussianVelocity,
  mlp,
  trigonometricPath,
  type Model,
  type OpaqueField,
  type VelocityField,
} from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { requireTeacherFit, teacherFit } from './teacher-fit.js';

const data = gaussianMixture({ weights: [1], means: [[1, 1]], stds: [0.5], classes: [] });
const gaussian = gaussianVelocity({ mean: 1, std: 0.5 });
const common = { runtime: referenceRuntime(), data, count: 1024 };

/** The exact velocity, read wrongly. */
const misread = (velocity: VelocityField['velocity']): VelocityField => ({ parameters: {}, velocity });

describe('what a teacher explains', () => {
  test('is what the exact velocity of a Gaussian does', async () => {
    // E |u|² = 1 + std² + mean²; what is left is the variance of u given x, std² / ((1 - t)² std² + t²).
    const fits = await teacherFit({ ...common, teacher: gaussian });
    expect(fits.map(({ time }) => time)).toEqual([0.1, 0.5, 0.9]);
    for (const { time, explained } of fits) {
      const left = 0.25 / ((1 - time) ** 2 * 0.25 + time ** 2);
      // The mean squares of 1024 samples of two values are exact to about 3 %.
      expect(Math.abs(explained - (1 - left / 2.25))).toBeLessThan(0.06);
    }
  });

  test('is asked of a function that only runs, and on the path of a model', async () => {
    const zero: OpaqueField = { evaluate: ({ shape }) => Promise.resolve(hostTensor(shape, new Float32Array(2048))) };
    expect((await teacherFit({ ...common, teacher: zero })).map(({ explained }) => explained)).toEqual([0, 0, 0]);
    const network = mlp({ shape: [2], width: 4, depth: 1 }); // starts as the zero field
    const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [], path: 'trigonometric' };
    expect((await teacherFit({ ...common, teacher: model })).map(({ explained }) => explained)).toEqual([0, 0, 0]);
    const teacher = gaussianVelocity({ mean: 1, std: 0.5 }, trigonometricPath);
    const asked = { ...common, teacher, path: trigonometricPath };
    expect(await requireTeacherFit(asked)).toEqual(await teacherFit(asked));
  });
});

test('of fewer than 64 samples all are taken, and more are refused', async () => {
  const few = { ...data, length: 8 };
  const asked = { ...common, data: few, teacher: gaussian };
  const { count: _, ...rest } = asked;
  expect(await teacherFit(rest)).toEqual(await teacherFit({ ...asked, count: 8 }));
  for (const [count, wanted] of [
    [9, 'at most 8, the samples of the data, got 9'],
    [0, 'a whole number >= 1, got 0'],
  ] as const) {
    await expect(teacherFit({ ...asked, count })).rejects.toThrow(
      new ConfigError('teacherFit.count', `wanted ${wanted}`),
    );
  }
});

test.each<[string, VelocityField]>([
  ['sign', misread((params, inputs) => gaussian.velocity(params, inputs).neg())],
  ['time', misread((params, { x, t }) => gaussian.velocity(params, { x, t: t.mul(1e-3) }))],
  ['scale of its data', misread((params, { x, t }) => gaussian.velocity(params, { x: x.mul(127.5), t }))],
  ['prediction', misread((params, { x, t }) => x.sub(t.reshape([-1, 1]).mul(gaussian.velocity(params, { x, t }))))],
])('a teacher that is read with a wrong %s is refused with the mapping that was tried', async (_, teacher) => {
  await requireTeacherFit({ ...common, teacher: gaussian });
  const error: unknown = await requireTeacherFit({ ...common, teacher, mapping: { timeScale: 1000 } }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as Error).message).toMatch(
    /explains .*-\d+ % at t = .* wanted more than 0; .*tried {"timeScale":1000}/,
  );
});
