import { gaussianFlowMap, gaussianVelocity, perSample, type FlowMap } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { constant, gradients, hostTensor, full, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { describe, expect, test } from 'vitest';
import { ayfEmd, AYF_EMD_PRESETS, tangentWarmup } from './ayf-emd.js';
import { flowMatching } from './flow-matching.js';
import { logUniformLengths } from './intervals.js';
import { normalizeTangent } from './normalize-tangent.js';
import { describeObjective, evaluateToy, type ToyParameters } from './testing/index.js';

const runtime = referenceRuntime();

for (const c of [0.1, Infinity]) {
  describeObjective(`ayfEmd with c = ${c}`, () => ayfEmd({ c }), {
    runtime,
    usesTimeDerivative: true,
    // 2 g / (||g|| + c) dF/dtheta with g = F - v + r (t - s) dF/dt, all written out for F = a x (1 + b t + d s)
    gradient({ xt, t, s, velocity: v }, { a, b, d }, { r = NaN }) {
      const factor = 1 + b * t + d * s;
      const dFdt = a * factor * v + a * b * xt;
      const g = a * factor * xt - v + r * (t - s) * dFdt;
      const pull = c === Infinity ? 2 * g : (2 * g) / (Math.abs(g) + c);
      return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
    },
  });
}

describe('ayfEmd', () => {
  const params: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };
  const plain = ayfEmd({ c: Infinity });
  const std = 0.5;
  const sigma = (t: number): number => Math.hypot((1 - t) * std, t);
  const velocityAt = (x: number, t: number): number => ((t - (1 - t) * std ** 2) / sigma(t) ** 2) * x;

  // Limits of grad L_eps / (2 eps) for w = 1, worked out independently.
  test.each([
    ['towards data', 0.8, 0.3, [-0.083522, -0.02265, -0.008494]],
    ['towards noise', 0.3, 0.8, [-0.072627, -0.009371, -0.02499]],
  ] as const)('has the gradient that the discrete loss tends to, %s', async (_, t, s, limits) => {
    const xt = 0.9;
    const sample = { x0: xt, noise: xt, t, s, velocity: velocityAt(xt, t) };
    const { gradient } = await evaluateToy(runtime, plain, params, [sample], { r: 1 });
    // The loss on F has the weight 2 / (t - s)^2 relative to theirs.
    const limit = gradient.slice(0, 3).map((value) => (value * (t - s) ** 2) / 2);
    limits.forEach((value, k) => expect(Math.abs(limit[k]! - value)).toBeLessThan(1e-6));

    // The same limit from its definition, || f(x_t, t, s) - sg f(x_t', t', s) ||^2 with one Euler step of the teacher.
    const eps = 1e-4;
    const f = (p: readonly number[], x: number, time: number): number =>
      x + (s - time) * p[0]! * x * (1 + p[1]! * time + p[2]! * s);
    const theta = [params.a, params.b, params.d];
    const later = t + eps * (s - t);
    const target = f(theta, xt + (later - t) * velocityAt(xt, t), later);
    const discrete = theta.map((_, k) => {
      const h = 1e-4;
      const shifted = (by: number): number => {
        const moved = theta.map((p, i) => (i === k ? p + by : p));
        return (f(moved, xt, t) - target) ** 2;
      };
      // The loss is quadratic in each parameter, so the central difference is exact but for rounding.
      return (shifted(h) - shifted(-h)) / (2 * h) / (2 * eps);
    });
    // First order in eps.
    discrete.forEach((value, k) => expect(Math.abs(limit[k]! - value)).toBeLessThan(1e-5));
  });

  test('at s = t it is flow matching', async () => {
    const samples = [0.2, 0.9].map((time) => ({ x0: 0.4, noise: -1.2, t: time, s: time, velocity: -0.7 }));
    const distilled = await evaluateToy(runtime, plain, params, samples, { r: 0.7 });
    const matched = await evaluateToy(runtime, flowMatching(), params, samples, {});
    expect(distilled).toMatchObject({ loss: matched.loss, gradient: matched.gradient });
  });

  /** Loss and gradient with respect to a factor on the average velocity of an exact student, at factor 1. */
  async function atOptimum(student: FlowMap, r: number): Promise<{ loss: number; gradient: number }> {
    const points = hostTensor([4, 1], Float64Array.of(-1.3, 0.37, 0.9, 2));
    const times = hostTensor([4], Float64Array.of(0.95, 0.8, 0.45, 0.7));
    const targets = hostTensor([4], Float64Array.of(0, 0.3, 0.44, 0.1));
    const one = hostTensor([], [1]);
    const [loss, gradient] = await evaluate(
      runtime,
      (factor, xt, t, s) => {
        const scaled: FlowMap = {
          ...student,
          averageVelocity: (x, a, b) => student.averageVelocity(x, a, b).mul(factor),
        };
        const velocity = (x: Tensor, time: Tensor): Tensor => gaussianVelocity({ std }).velocity({}, { x, t: time });
        const schedules = { r: full(r) };
        const result = plain.loss({
          student: scaled,
          x0: xt,
          noise: xt,
          xt,
          t,
          s,
          draws: {},
          own: {},
          velocity,
          schedules,
        });
        return [result.loss, gradients(result.loss, [factor])[0]!];
      },
      [one, points, times, targets],
    );
    return { loss: loss!.data[0]!, gradient: gradient!.data[0]! };
  }

  test('vanishes at the exact flow map of Gaussian data', async () => {
    const { loss, gradient } = await atOptimum(gaussianFlowMap({ std }), 1);
    // g is zero up to a few rounding errors of numbers around 1.
    expect(loss).toBeLessThan(1e-28);
    expect(Math.abs(gradient)).toBeLessThan(1e-14);
  });

  test('for r < 1 vanishes at the weighted mean of the velocity over the path', async () => {
    // F_r(x_t, t, s) = int_0^1 v(x_u, u) dq with u = s + q^r (t - s), the solution of F = v - r (t - s) dF/dt
    for (const r of [0.99, 0.5]) {
      const { loss, gradient } = await atOptimum(pathAverage(r), r);
      // The quadrature's error: its integrand behaves like q^r at 0.
      expect(loss).toBeLessThan(1e-9);
      expect(Math.abs(gradient)).toBeLessThan(1e-4);
    }
    expect((await atOptimum(pathAverage(0.5), 1)).loss).toBeGreaterThan(1e-3);
  });

  test('r = 0.99 costs 0.9 % of the standard deviation of one-step samples', async () => {
    const one = hostTensor([1], [1]);
    const end = await evaluate(runtime, (x, t, s) => pathAverage(0.99).map(x, t, s), [
      hostTensor([1, 1], [1]),
      one,
      hostTensor([1], [0]),
    ]);
    expect(end.data[0]).toBeCloseTo(0.49568, 5);
  });

  /** {@link ayfEmd}'s fixed point for Gaussian data, by the midpoint rule on a graded grid. */
  function pathAverage(r: number): FlowMap {
    const count = 400;
    // q = p^3 puts most nodes where the integrand is not smooth; dq = 3 p^2 dp.
    const nodes = Array.from({ length: count }, (_, i) => (i + 0.5) / count);
    const fractions = constant(
      nodes.map((p) => p ** (3 * r)),
      [1, count],
    );
    const weights = constant(
      nodes.map((p) => (3 * p ** 2) / count),
      [1, count],
    );
    const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor => {
      const batch = t.size;
      const column = (values: Tensor): Tensor => values.reshape([batch, 1]);
      const everywhere = (values: Tensor): Tensor => column(values).broadcastTo([batch, count]).reshape([-1]);
      const points = column(s).add(column(t.sub(s)).mul(fractions));
      const u = points.reshape([-1]);
      const xu = gaussianFlowMap({ std }).map(everywhere(x).reshape([-1, 1]), everywhere(t), u);
      const v = gaussianVelocity({ std }).velocity({}, { x: xu, t: u });
      return v.reshape([batch, count]).mul(weights).sum([1], true);
    };
    const student: FlowMap = {
      averageVelocity,
      map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
      under: () => student,
    };
    return student;
  }

  test('logs the tangent before normalisation and the error of the velocity', async () => {
    const sample = { x0: 2, noise: 2, t: 0.5, s: 0.5, velocity: 5 };
    const { tangentNorm, velocityError, loss } = await evaluateToy(
      runtime,
      ayfEmd(),
      { a: 1, b: 0, d: 0, e: 0 },
      [sample],
      { r: 1 },
    );
    // F = x = 2, so F - v = -3
    expect([tangentNorm, velocityError]).toEqual([3, 3]);
    expect(loss).toBeCloseTo((3 / 3.1) ** 2, 12);
  });

  test('says what it needs', () => {
    expect(ayfEmd().needs.teacher).toBe(true);
    expect(ayfEmd({ teacher: false }).needs.teacher).toBe(false);
  });

  test('refuses settings out of their range', () => {
    expect(() => ayfEmd({ c: 0 })).toThrow('ayfEmd.c: wanted a number > 0, got 0');
    expect(() => ayfEmd({ rMax: 1.5 })).toThrow('ayfEmd.rMax: wanted a number in (0, 1], got 1.5');
    expect(() => ayfEmd({ warmupSteps: 0 })).toThrow('ayfEmd.warmupSteps');
    expect(() => ayfEmd({ diagonalShare: 1 })).toThrow('ayfEmd.diagonalShare: wanted a number in [0, 1), got 1');
    expect(() => ayfEmd({ diagonalShare: NaN })).toThrow('ayfEmd.diagonalShare');
    expect(() => ayfEmd({ preset: 'paper' as 'ayf-paper' })).toThrow(
      "ayfEmd.preset: wanted one of default, ayf-paper, got 'paper'",
    );
  });

  test('has the settings of a preset, but for those that are given', () => {
    const common = { rMax: 0.99, c: 0.1, teacher: true };
    const ours = { 'intervalLengths.shortest': 1 / 64, diagonalShare: 0.25, warmupSteps: null };
    expect(ayfEmd().config).toEqual({ ...common, intervalLengths: 'log-uniform', ...ours });
    const paper = { 'intervalLengths.mean': -0.8, 'intervalLengths.std': 1, diagonalShare: 0, warmupSteps: 10_000 };
    expect(ayfEmd({ preset: 'ayf-paper' }).config).toEqual({ ...common, intervalLengths: 'logit-normal', ...paper });
    const lengths = logUniformLengths({ shortest: 0.5 });
    expect(ayfEmd({ preset: 'ayf-paper', c: 1, intervalLengths: lengths }).config).toEqual({
      ...common,
      ...{
        c: 1,
        intervalLengths: 'log-uniform',
        'intervalLengths.shortest': 0.5,
        diagonalShare: 0,
        warmupSteps: 10_000,
      },
    });
  });

  test('puts the share of the batch on the diagonal that it is told to', () => {
    const { t, s } = ayfEmd({ diagonalShare: 0.25 }).draw({ seed: 0, step: 3, iterations: 10 }, 8);
    expect([...t.keys()].filter((i) => t[i] === s[i])).toEqual([3, 7]);
    const off = ayfEmd({ preset: 'ayf-paper' }).draw({ seed: 0, step: 3, iterations: 10 }, 8);
    expect(off.t.every((time, i) => time > off.s[i]!)).toBe(true);
    expect(AYF_EMD_PRESETS.default.diagonalShare).toBe(0.25);
  });
});

test('normalizeTangent divides each sample by its L2 norm plus c', async () => {
  const g = hostTensor([2, 2, 2], [1, 2, 2, 4, 0, 0, 0, 0]);
  const normalized = await evaluate(runtime, (x) => normalizeTangent(x, 0.5), [g]);
  expect([...normalized.data]).toEqual([1, 2, 2, 4, 0, 0, 0, 0].map((value) => value / 5.5));
  expect(await evaluate(runtime, (x) => normalizeTangent(x, Infinity), [g])).toEqual({
    ...g,
    data: Float64Array.from(g.data),
  });
});

describe('tangentWarmup', () => {
  test('rises linearly over H steps to r_max', () => {
    const r = (step: number): number => tangentWarmup({ step, iterations: 1000 }, 200, 0.99);
    expect([0, 50, 100, 198, 199, 200, 999].map(r)).toEqual([0, 0.25, 0.5, 0.99, 0.99, 0.99, 0.99]);
  });

  test('takes 0.3 of the run and at most 10,000 steps by default', () => {
    expect(tangentWarmup({ step: 75, iterations: 500 })).toBe(0.5);
    expect(tangentWarmup({ step: 5000, iterations: 1_000_000 })).toBe(0.5);
    expect(tangentWarmup({ step: 0, iterations: 1 })).toBe(0);
  });
});
