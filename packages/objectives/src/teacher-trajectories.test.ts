import {
  adamsBashforth,
  euler,
  flowMapSampler,
  gamma,
  gaussianFlowMap,
  gaussianVelocity,
  heun,
  linearPath,
  trigonometricPath,
  type FlowMap,
  type Objective,
  type Path,
  type Sampler,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, gradients, hostTensor, normals, type HostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { flowMatching } from './flow-matching.js';
import { teacherTrajectories } from './teacher-trajectories.js';
import { describeObjective } from './testing/index.js';
import { velocityAnchor } from './velocity-anchor.js';

const runtime = referenceRuntime();
const emd = ayfEmd({ c: Infinity });

describeObjective('ayfEmd on trajectories', () => teacherTrajectories(emd, { steps: 2, sampler: euler() }), {
  runtime,
  usesTimeDerivative: true,
  gradient({ noise, t, s, velocityAt }, { a, b, d }, { r = NaN }) {
    const middle = (1 + t) / 2;
    const half = noise + (middle - 1) * velocityAt(noise, 1);
    const xt = half + (t - middle) * velocityAt(half, middle);
    const v = velocityAt(xt, t);
    const factor = 1 + b * t + d * s;
    const pull = 2 * (a * factor * xt - v + r * (t - s) * (a * factor * v + a * b * xt));
    return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
  },
});

describe('of Gaussian data', () => {
  const std = 0.5;
  const count = 8;
  const points = [hostTensor([count, 1], normals({ seed: 0, purpose: 'noise' }, count))];
  const times = [
    hostTensor([count], Float64Array.of(1, 0.95, 0.8, 0.7, 0.45, 0.3, 0.1, 0)),
    hostTensor([count], Float64Array.of(0.5, 0, 0.3, 0.1, 0.44, 0, 0.1, 0)),
  ];

  /** Runs a loss on a batch whose data is NaN, which must not matter. */
  async function lossOf(
    objective: Objective,
    { path = linearPath, student = gaussianFlowMap({ std }, path) }: { path?: Path; student?: FlowMap } = {},
  ): Promise<{ loss: number; gradient: number }> {
    const [loss, gradient] = await evaluate(
      runtime,
      (noise, t, s, factor) => {
        const scaled: FlowMap = {
          ...student,
          averageVelocity: (x, a, b) => student.averageVelocity(x, a, b).mul(factor),
        };
        const nothing = full(NaN, noise.shape);
        const velocity = (x: Tensor, time: Tensor): Tensor =>
          gaussianVelocity({ std }, path).velocity({}, { x, t: time });
        const batch = { x0: nothing, noise, xt: nothing, path, t, s, draws: {}, own: {}, schedules: { r: full(1) } };
        const result = objective.loss({ ...batch, student: scaled, velocity });
        return [result.loss, gradients(result.loss, [factor])[0]!];
      },
      [...points, ...times, hostTensor([], [1])],
    );
    return { loss: loss!.data[0]!, gradient: gradient!.data[0]! };
  }

  /** The points that an objective is given. */
  async function pointsOf(steps: number, sampler: Sampler, path: Path): Promise<HostTensor> {
    return evaluate(
      runtime,
      (noise, t, s) => {
        let seen: Tensor | undefined;
        const watched: Objective = {
          ...emd,
          loss: ({ xt }) => {
            seen = xt;
            return { loss: xt.sum(), metrics: {} };
          },
        };
        const velocity = (x: Tensor, time: Tensor): Tensor =>
          gaussianVelocity({ std }, path).velocity({}, { x, t: time });
        const batch = { x0: noise, noise, xt: noise, path, t, s, draws: {}, own: {}, schedules: {} };
        teacherTrajectories(watched, { steps, sampler }).loss({
          ...batch,
          student: gaussianFlowMap({ std }),
          velocity,
        });
        return seen!;
      },
      [...points, ...times],
    );
  }

  test.each([linearPath, trigonometricPath])(
    'points have the deviation of the $name path, to the order of the solver',
    async (path) => {
      const [wanted] = await evaluate(
        runtime,
        (noise, t) => [gaussianFlowMap({ std }, path).map(noise, full(1, [count]), t)],
        [points[0]!, times[0]!],
      );
      const error = async (steps: number, sampler: Sampler): Promise<number> => {
        const { data } = await pointsOf(steps, sampler, path);
        return Math.max(...Array.from(data, (value, i) => Math.abs(value - wanted!.data[i]!)));
      };
      // Halving the steps takes the error to a fourth by Heun's method and to half by Euler's, up to the next order.
      const [fewer, few] = [await error(16, heun()), await error(32, heun())];
      expect(few).toBeLessThan(0.002);
      expect(fewer / few).toBeGreaterThan(3.3);
      expect(fewer / few).toBeLessThan(4.7);
      const [some, more] = [await error(32, euler()), await error(64, euler())];
      expect(some / more).toBeGreaterThan(1.8);
      expect(some / more).toBeLessThan(2.2);
    },
  );

  test('noise is its own point at t = 1', async () => {
    const { data } = await pointsOf(3, heun(), linearPath);
    expect(data[0]).toBe(points[0]!.data[0]);
  });

  test.each([
    ['AYF-EMD', emd],
    ['AYF-LMD', ayfLmd({ c: Infinity })],
  ])('%s vanishes at the exact flow map, on either path and without data', async (_, objective) => {
    const on = teacherTrajectories(objective, { steps: 2 });
    for (const path of [linearPath, trigonometricPath]) {
      // Zero up to a few rounding errors of numbers around 1.
      const { loss, gradient } = await lossOf(on, { path });
      expect(loss).toBeLessThan(1e-26);
      expect(Math.abs(gradient)).toBeLessThan(1e-13);
    }
    const half = gaussianFlowMap({ std: 0.4 });
    expect(Math.abs((await lossOf(on, { student: half })).gradient)).toBeGreaterThan(1e-3);
  });
});

describe('teacherTrajectories', () => {
  test('keeps the name of its objective, and its settings with some more', () => {
    const wrapped = teacherTrajectories(velocityAnchor(emd, { share: 0.25 }), { steps: 4 });
    expect(wrapped).toMatchObject({ name: 'ayf-emd', needs: { teacher: true }, watch: 'tangentNorm' });
    expect(wrapped.config).toEqual({
      ...emd.config,
      'velocityAnchor.share': 0.25,
      'teacherTrajectories.steps': 4,
      'teacherTrajectories.sampler': 'heun',
    });
  });

  test.each<[string, () => unknown, string]>([
    ['no steps', () => teacherTrajectories(emd, { steps: 0 }), 'steps'],
    ['half a step', () => teacherTrajectories(emd, { steps: 0.5 }), 'steps'],
    ['a sampler of flow maps', () => teacherTrajectories(emd, { steps: 1, sampler: flowMapSampler() }), 'sampler'],
    ['a sampler that draws', () => teacherTrajectories(emd, { steps: 1, sampler: gamma(0.5) }), 'sampler'],
    ['a multistep method', () => teacherTrajectories(emd, { steps: 1, sampler: adamsBashforth() }), 'sampler'],
    ['an objective without a teacher', () => teacherTrajectories(flowMatching(), { steps: 1 }), 'objective'],
    ['one from data alone', () => teacherTrajectories(ayfEmd({ teacher: false }), { steps: 1 }), 'objective'],
  ])('refuses %s', (_, make, option) => {
    expect(make).toThrow(expect.objectContaining({ name: 'ConfigError', option: `teacherTrajectories.${option}` }));
  });
});
