import { gaussianFlowMap, gaussianVelocity, loader, mlp, type FlowMap, type VelocityField } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  formatProgram,
  full,
  hostTensor,
  jvp,
  program,
  select,
  stopGradient,
  type HostTensor,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { logging, NonFiniteError, objectivePhase, train, trainee, type Training } from '@flowmap/train';
import { describe, expect, test } from 'vitest';
import { ayfEmd, type AyfEmdOptions } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { spikeCount, spikeFactors } from './internal/spikes.js';
import { cosineWeight, lengthWeight } from './loss-weights.js';
import { normalizeTangent } from './normalize-tangent.js';
import { describeObjective, evaluateToy, type ToyParameters, type ToySample } from './testing/index.js';

const runtime = referenceRuntime();
const params: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };
const samples: readonly ToySample[] = [
  { x0: 0.9, noise: -0.4, t: 0.8, s: 0.3, velocity: -1.1 },
  { x0: -1.3, noise: 0.7, t: 0.55, s: 0.05, velocity: 1.6 },
  { x0: 0.2, noise: 1.9, t: 0.3, s: 0.9, velocity: 0.8 },
];

describeObjective('ayfEmd with a weight, in both orders', () => ayfEmd({ weight: lengthWeight(), orders: 'both' }), {
  runtime,
  usesTimeDerivative: true,
  orders: 'both',
  // The gradient of 2 w <F, g / (|g| + c)>: w' sign(t - s) grad f df/dt is the same, as grad f = (s - t) grad F.
  gradient({ xt, t, s, velocity: v }, { a, b, d }, { r = NaN }) {
    const factor = 1 + b * t + d * s;
    const g = a * factor * xt - v + r * (t - s) * (a * factor * v + a * b * xt);
    const pull = (2 * (t - s) ** 2 * g) / (Math.abs(g) + 0.1);
    return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
  },
});

describeObjective('ayfLmd with a weight, in both orders', () => ayfLmd({ weight: cosineWeight(), orders: 'both' }), {
  runtime,
  usesTimeDerivative: true,
  orders: 'both',
  gradient({ xt, t, s, velocityAt }, { a, b, d }) {
    const factor = 1 + b * t + d * s;
    const end = xt + (s - t) * a * factor * xt;
    const g = a * factor * xt + (s - t) * a * d * xt - velocityAt(end, s);
    const pull = (2 * Math.cos((Math.PI / 2) * (1 - t)) * g) / (Math.abs(g) + 0.1);
    return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
  },
});

test('at their defaults the options add nothing to the program', () => {
  const velocity = (x: Tensor, t: Tensor): Tensor => gaussianVelocity({ std: 0.5 }).velocity({}, { x, t });
  const built = (loss: (batch: Record<'xt' | 't' | 's' | 'r', Tensor>, student: FlowMap) => Tensors): string =>
    formatProgram(
      program('loss', { inputs: { xt: [4, 3], t: [4], s: [4], r: [] } }, (batch) => ({
        outputs: loss(batch, gaussianFlowMap({ std: 0.7 })),
      })),
    );
  const ours = built(({ xt, t, s, r }, student) => {
    const batch = { x0: xt, noise: xt, xt, t, s, draws: {}, own: {}, velocity, schedules: { r } };
    const { loss, metrics } = ayfEmd().loss({ ...batch, student });
    return { loss, ...metrics };
  });
  const algorithm1 = built(({ xt, t, s, r }, student) => {
    const v = velocity(xt, t);
    const derivative = jvp((x, time) => student.averageVelocity(x, time, s), [xt, t], [v, full(1, [4])]);
    const [F_, dFdt_] = [stopGradient(derivative[0]), stopGradient(derivative[1])];
    const length = (x: Tensor): Tensor => x.square().sum([1], true).sqrt();
    const error = F_.sub(v);
    const g = error.add(r.mul(t.sub(s)).reshape([4, 1]).mul(dFdt_));
    const target = F_.sub(g.div(length(g).add(0.1)));
    const loss = derivative[0]
      .sub(target)
      .square()
      .sum()
      .mul(1 / 4);
    return { loss, tangentNorm: length(g).mean(), velocityError: length(error).mean() };
  });
  expect(ours).toBe(algorithm1);
});

test('the RMS norm divides each sample by the root of its mean square plus c', async () => {
  const g = hostTensor([2, 2, 2], [1, 2, 2, 4, 0, 0, 0, 0]);
  const normalized = await evaluate(runtime, (x) => normalizeTangent(x, 0.5, 'rms'), [g]);
  expect([...normalized.data]).toEqual([1, 2, 2, 4, 0, 0, 0, 0].map((value) => value / (5 / 2 + 0.5)));
  for (const make of [ayfEmd, ayfLmd]) {
    expect(make({ norm: 'rms' }).config).toEqual({ ...make().config, norm: 'rms' });
    expect(() => make({ norm: 'l1' as 'l2' })).toThrow(".norm: wanted one of l2, rms, got 'l1'");
  }
});

describe('spikeLimit', () => {
  test('reduces r to what is typical in the batch', async () => {
    const norms = [1, 1, 4, 4, 900];
    const dFdt = hostTensor([5, 1], norms);
    const [factors, count] = await evaluate(
      runtime,
      (x) => {
        const factors = spikeFactors(x, 2);
        return [factors, spikeCount(factors)];
      },
      [dFdt],
    );
    // m = ((1 + 1 + 2 + 2 + 30) / 5)^2 = 7.2^2
    expect([...factors!.data]).toEqual([1, 1, 1, 1, (2 * 7.2 ** 2) / 900]);
    expect([...count!.data]).toEqual([1]);
  });

  test('does not let samples count that are not finite, nor divides by zero', async () => {
    const factors = (values: number[]): Promise<HostTensor> =>
      evaluate(runtime, (x) => spikeFactors(x, 1), [hostTensor([values.length, 1], values)]);
    expect([...(await factors([NaN, 1, 4, Infinity])).data]).toEqual([1, 1, 2.25 / 4, 0]);
    expect([...(await factors([0, 0])).data]).toEqual([1, 1]);
    expect([...(await factors([NaN])).data]).toEqual([1]);
  });

  test('gives the gradient with the reduced r in those samples alone', async () => {
    // F = 0.4 x, so dF/dt = 0.4 v: the third sample's is 100 times the others'.
    const flat: ToyParameters = { a: 0.4, b: 0, d: 0, e: 0 };
    const spiky = [1, -1, 100].map((velocity) => ({ x0: 1, noise: 1, t: 0.75, s: 0.25, velocity }));
    const m = ((1 + 1 + 10) / 3) ** 2 * 0.4;
    const reduced = (2 * m) / 40;
    const limited = await evaluateToy(runtime, ayfEmd({ spikeLimit: 2 }), flat, spiky, { r: 0.9 });
    const apart = [0.9, 0.9, 0.9 * reduced].map((r, i) => evaluateToy(runtime, ayfEmd(), flat, [spiky[i]!], { r }));
    const each = await Promise.all(apart);
    for (const k of [0, 1, 2]) {
      const mean = each.reduce((sum, { gradient }) => sum + gradient[k]! / 3, 0);
      expect(limited.gradient[k]).toBeCloseTo(mean, 12);
    }
    expect(limited['spikes']).toBe(1);
    expect((await evaluateToy(runtime, ayfEmd({ spikeLimit: 20 }), flat, spiky, { r: 0.9 }))['spikes']).toBe(0);
  });

  test('is recorded, and refused below 1', () => {
    expect(ayfEmd({ spikeLimit: 5 }).config).toEqual({ ...ayfEmd().config, spikeLimit: 5 });
    expect(() => ayfEmd({ spikeLimit: 0.5 })).toThrow('ayfEmd.spikeLimit: wanted a number >= 1, got 0.5');
  });
});

describe('quarantine', () => {
  const onnx = (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 });

  test.each(['reference', 'onnx'])('gives the gradient of the batch without the sample on %s', async (name) => {
    const computing = name === 'onnx' ? await onnx() : runtime;
    for (const make of [ayfEmd, ayfLmd]) {
      const objective = make({ quarantine: true, weight: lengthWeight({ power: 1 }) });
      const schedules = make === ayfEmd ? { r: 0.7 } : {};
      const clean = await evaluateToy(computing, objective, params, samples, schedules);
      for (const velocity of [NaN, Infinity, -Infinity]) {
        const bad: ToySample = { x0: 0.3, noise: -0.8, t: 0.6, s: 0.2, velocity };
        const [first, ...rest] = samples;
        const mixed = await evaluateToy(computing, objective, params, [first!, bad, ...rest], schedules);
        // Only the order of sums and the division by the number of samples differ.
        const digits = name === 'onnx' ? 5 : 12;
        for (const [key, value] of Object.entries(clean)) {
          if (key === 'gradient' || key === 'quarantined') continue;
          expect(mixed[key], key).toBeCloseTo(value as number, digits);
        }
        clean.gradient.forEach((value, k) => expect(mixed.gradient[k], String(k)).toBeCloseTo(value, digits));
        expect([clean['quarantined'], mixed['quarantined']]).toEqual([0, 1]);
      }
    }
  });

  test('changes nothing of a batch that is finite', async () => {
    const plain = await evaluateToy(runtime, ayfEmd(), params, samples, { r: 0.7 });
    const { quarantined, ...guarded } = await evaluateToy(runtime, ayfEmd({ quarantine: true }), params, samples, {
      r: 0.7,
    });
    expect(guarded).toEqual(plain);
    expect(quarantined).toBe(0);
  });

  /** A teacher without a velocity to the right of a place. */
  function brokenBeyond(limit: number): VelocityField {
    const teacher = gaussianVelocity({ std: 0.5 });
    return {
      parameters: {},
      velocity: (params, inputs) => {
        const factor = select(inputs.x.greater(limit), full(-1), full(1)).sqrt();
        return teacher.velocity(params, inputs).mul(factor);
      },
    };
  }

  async function trained(options: AyfEmdOptions, limit: number): Promise<Training> {
    const network = mlp({ shape: [1], interval: true, width: 8, depth: 1 });
    const model = { kind: 'flowMap', network, params: network.init(0), classes: [] } as const;
    const [batchSize, seed] = [32, 0];
    const objective = ayfEmd(options);
    return train({
      runtime: await onnx(),
      trainees: { student: trainee({ model, learningRate: 1e-3 }) },
      phases: [objectivePhase({ network, objective, teacher: brokenBeyond(limit), batchSize, seed })],
      batches: loader(gaussianMixture({ weights: [1], means: [[0]], stds: [0.5], classes: [] }), { batchSize, seed }),
      iterations: 20,
      callbacks: [logging(1, () => undefined)],
    });
  }

  test('lets a training go on, and counts in its log', async () => {
    await expect(trained({}, 1)).rejects.toThrow(NonFiniteError);
    const { completed, records } = await trained({ quarantine: true }, 1);
    expect(completed).toBe(true);
    const counts = records.map(({ quarantined }) => quarantined as number);
    expect(Math.max(...counts)).toBeGreaterThan(0);
    expect(counts.every((count) => Number.isInteger(count) && count < 32)).toBe(true);
    expect(records.every(({ loss, gradientNorm }) => Number.isFinite(loss) && Number.isFinite(gradientNorm))).toBe(
      true,
    );
  });

  test('stops where no sample of a batch is finite', async () => {
    await expect(trained({ quarantine: true }, -1e9)).rejects.toThrow(/training stopped at step 1: \w+ became NaN/);
  });
});

describe('without a teacher', () => {
  const student = (size: number) => mlp({ shape: [size], interval: true, width: 8, depth: 1 });
  const built = (size: number, options: AyfEmdOptions): Promise<unknown> => {
    const network = student(size);
    const model = { kind: 'flowMap', network, params: network.init(0), classes: [] } as const;
    const phase = objectivePhase({ network, objective: ayfEmd({ teacher: false, ...options }), batchSize: 4, seed: 0 });
    const point = { weights: [1], means: [Array.from({ length: size }, () => 0)], stds: [1], classes: [] };
    return train({
      runtime,
      trainees: { student: trainee({ model, learningRate: 1e-3 }) },
      phases: [phase],
      batches: loader(gaussianMixture(point), { batchSize: 4, seed: 0 }),
      iterations: 1,
    });
  };

  test.each<[number, AyfEmdOptions]>([
    [1, {}],
    [2, { preset: 'ayf-paper' }],
    [15, { c: 9 }],
    [4, { c: 4, norm: 'rms' }],
  ])('refuses samples of %i values with %o, whose mean normalisation misses', async (size, options) => {
    await expect(built(size, options)).rejects.toThrow(
      /^ayfEmd\.c: training without a teacher on samples of \d+ values? finds their spatial median .* wanted c: Infinity, got \d/,
    );
  });

  test.each<[number, AyfEmdOptions]>([
    [1, { c: Infinity }],
    [2, { c: 10 }],
    [4, { c: 5, norm: 'rms' }],
    [16, {}],
  ])('takes samples of %i values with %o', async (size, options) => {
    await expect(built(size, options)).resolves.toMatchObject({ completed: true });
  });

  test('normalisation misses the mean by what the refusal says, and c: Infinity does not', () => {
    // The fixed point of E[(F - v) / (|F - v| + c)] = 0 for single values v from .3 N(-1, .3^2) + .7 N(1.2, .3^2), whose
    // mean is 0.54 and deviation 1.05.
    const density = (v: number): number =>
      0.3 * Math.exp(-(((v + 1) / 0.3) ** 2) / 2) + 0.7 * Math.exp(-(((v - 1.2) / 0.3) ** 2) / 2);
    const grid = Array.from({ length: 4000 }, (_, i) => -3 + i / 600);
    const fixedPoint = (c: number): number => {
      let [low, high] = [-3, 3];
      for (let i = 0; i < 50; i++) {
        const F = (low + high) / 2;
        const pull = grid.reduce((sum, v) => sum + (density(v) * (F - v)) / (Math.abs(F - v) + c), 0);
        [low, high] = pull < 0 ? [F, high] : [low, F];
      }
      return low;
    };
    expect(fixedPoint(0.1)).toBeCloseTo(0.978, 2);
    expect(Math.abs(fixedPoint(10) - 0.54)).toBeLessThan(0.04);
    expect(fixedPoint(1e9)).toBeCloseTo(0.54, 3);
  });
});
