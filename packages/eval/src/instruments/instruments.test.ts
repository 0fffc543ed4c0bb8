import {
  classConditions,
  ConfigError,
  defineNetwork,
  gaussianFlowMap,
  gaussianVelocity,
  lengthBins,
  opaqueField,
  perSample,
  trigonometricParametrization,
  trigonometricPath,
  type Model,
  type Network,
  type VelocityField,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, hostTensor, normals, ShapeError, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { mapErrorByLength } from './map-error.js';
import { velocityDrift } from './velocity-drift.js';

const LAW = { std: 0.5 };
const COUNT = 400;
const runtime = referenceRuntime();
const data = {
  x: Float32Array.from(normals({ seed: 1, purpose: 'data' }, 2 * COUNT), (z) => LAW.std * z),
  conditions: {},
};
const teacher = gaussianVelocity(LAW);

/** A student whose average velocity, or its network's output, is a function of points and times. */
function flowMapOf(apply: (x: Tensor, t: Tensor, s: Tensor) => Tensor, rest: Partial<Model> = {}): Model {
  const config = { type: 'known', shape: [2], interval: true };
  const network = defineNetwork(config, {}, (_, { x, t, s = t }) => apply(x, t, s));
  return { kind: 'flowMap', network, params: {}, classes: [], ...rest };
}

const exact = gaussianFlowMap(LAW);
const scaled = (factor: number): Model => flowMapOf((x, t, s) => exact.averageVelocity(x, t, s).mul(factor));

/** Rounding of doubles, after sums of some hundred terms of order 1. */
const ROUNDING = 1e-12;

/** The exact map with a trigonometric parametrisation on that path: the output that gives `F = A + B output`. */
function trigonometricStudent(): Model {
  const map = gaussianFlowMap(LAW, trigonometricPath);
  const output = (x: Tensor, t: Tensor, s: Tensor): Tensor => {
    const of = (value: number): Tensor => trigonometricParametrization.averageVelocity(full(value, x.shape), x, t, s);
    return map
      .averageVelocity(x, t, s)
      .sub(of(0))
      .div(of(1).sub(of(0)));
  };
  return flowMapOf(output, { path: 'trigonometric', parametrization: 'trigonometric' });
}

describe('velocityDrift', () => {
  test('is zero for the exact map', async () => {
    const drifts = await velocityDrift({ runtime, student: scaled(1), teacher, data });
    expect(drifts.map(({ t }) => t)).toEqual([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]);
    for (const { rms } of drifts) expect(rms).toBeLessThan(ROUNDING);
  });

  test('of a map without velocity is the root mean square of the velocity', async () => {
    const [atData, atNoise] = await velocityDrift({ runtime, student: scaled(0), teacher, data, times: [0, 1] });
    // v(x, 0) = -x and v(x, 1) = x; the standard deviation of 800 numbers is known to 2.5 %, and four times that is allowed.
    expect(Math.abs(atData!.rms / LAW.std - 1)).toBeLessThan(0.1);
    expect(Math.abs(atNoise!.rms - 1)).toBeLessThan(0.1);
  });

  test('is proportional to what a map is off by', async () => {
    const [whole, part] = await Promise.all(
      [0, 1.05].map((factor) => velocityDrift({ runtime, student: scaled(factor), teacher, data })),
    );
    whole!.forEach(({ rms }, i) => expect(Math.abs(part![i]!.rms - 0.05 * rms)).toBeLessThan(ROUNDING));
  });

  test('knows paths and parametrisations', async () => {
    const field = gaussianVelocity(LAW, trigonometricPath);
    const student = trigonometricStudent();
    for (const { rms } of await velocityDrift({ runtime, student, teacher: field, data })) {
      expect(rms).toBeLessThan(ROUNDING);
    }
    // On the linear path the same points have other noise and data, and the velocity differs.
    const [, drift] = await velocityDrift({ runtime, student, teacher, data, times: [0, 0.5] });
    expect(drift!.rms).toBeGreaterThan(0.1);
  });

  test('refuses what makes no sense', async () => {
    const student = scaled(1);
    const common = { runtime, student, teacher, data };
    await expect(velocityDrift({ ...common, times: [1.5] })).rejects.toThrow(ConfigError);
    await expect(velocityDrift({ ...common, data: { ...data, x: data.x.slice(1) } })).rejects.toThrow(ShapeError);
    const velocity: Model = { ...student, kind: 'velocity' };
    await expect(velocityDrift({ ...common, student: velocity })).rejects.toThrow('wanted a flow map');
    const elsewhere: Model = { ...velocity, path: 'trigonometric' };
    await expect(velocityDrift({ ...common, teacher: elsewhere })).rejects.toThrow('path');
    const broken = { evaluate: async () => Promise.resolve(hostTensor([1], [0])) };
    await expect(velocityDrift({ ...common, teacher: broken })).rejects.toThrow(ShapeError);
    const infinite = flowMapOf((x) => x.div(0));
    await expect(velocityDrift({ ...common, student: infinite })).rejects.toThrow(
      "wanted finite velocities, the student's is",
    );
    const predictsData = opaqueField(async ({ x }) => Promise.resolve({ x0: x! }), {
      ...{ x: 'x', t: 't', velocity: 'x0' },
      toVelocity: (x0, x, t) => (x - x0) / t,
    });
    await expect(velocityDrift({ ...common, teacher: predictsData })).rejects.toThrow(
      "teacher's is NaN for sample 0 at t = 0",
    );
  });
});

describe('mapErrorByLength', () => {
  test('is zero for the exact map but for the error of the reference, which falls as the square of its step', async () => {
    const errorsWith = async (heunSteps: number) =>
      mapErrorByLength({ runtime, student: scaled(1), teacher, data, heunSteps });
    const [coarse, fine] = await Promise.all([errorsWith(16), errorsWith(32)]);
    expect(coarse.map(({ from, to }) => ({ from, to }))).toEqual(lengthBins());
    coarse.forEach(({ to, rms, perLength }, i) => {
      // Heun's error of the mean velocity is of order h^2 with h = to / 16, times derivatives of the velocity of order 1.
      expect(perLength).toBeLessThan((to / 16) ** 2 + ROUNDING);
      expect(rms).toBeLessThanOrEqual(perLength * to + ROUNDING);
      if (to > 0) expect(perLength / fine[i]!.perLength).toBeGreaterThan(3.5);
    });
    expect(coarse.at(-1)).toMatchObject({ to: 0, rms: 0 });
    expect(coarse.at(-1)!.perLength).toBeLessThan(ROUNDING);
  });

  test('of a map that does not move is the way', async () => {
    const steady: VelocityField = { parameters: {}, velocity: (_, { x }) => full(2, x.shape) };
    for (const { from, to, rms, perLength } of await mapErrorByLength({
      ...{ runtime, student: scaled(0), teacher: steady, data },
      heunSteps: 8,
    })) {
      expect(perLength).toBeCloseTo(2, 12);
      expect(rms).toBeGreaterThanOrEqual(2 * from);
      expect(rms).toBeLessThanOrEqual(2 * to);
    }
  });

  test('is proportional to what a map is off by', async () => {
    const common = { runtime, teacher, data, heunSteps: 128, bins: lengthBins(3) };
    const still = await mapErrorByLength({ ...common, student: scaled(0) });
    const off = await mapErrorByLength({ ...common, student: scaled(1.05) });
    off.forEach(({ rms, perLength }, i) => {
      // The reference is off by less than 1e-4 of the velocity (1 / 128^2), which is 2e-3 of an error of 5 %.
      expect(Math.abs(rms - 0.05 * still[i]!.rms)).toBeLessThanOrEqual(2e-3 * 0.05 * still[i]!.rms);
      expect(Math.abs(perLength / (0.05 * still[i]!.perLength) - 1)).toBeLessThan(2e-3);
    });
  });

  test('knows paths and parametrisations', async () => {
    const field = gaussianVelocity(LAW, trigonometricPath);
    const errors = await mapErrorByLength({
      ...{ runtime, student: trigonometricStudent(), teacher: field, data },
      heunSteps: 64,
    });
    // h^2 = 2.4e-4, times derivatives with respect to the angle π t / 2, which are of order 1.
    for (const { perLength } of errors) expect(perLength).toBeLessThan(1e-3);
  });
});

test('both are the same for a teacher that only runs, and for conditions in place of a shift', async () => {
  const conditions = classConditions(2);
  const label = Int32Array.from({ length: COUNT }, (_, i) => i % 2);
  const rows = { x: data.x.map((value, i) => value + label[i >> 1]!), conditions: { label } };
  // Data moved by m: the path is moved by (1 - t) m, and its velocity by -m.
  const apply: Network['apply'] = (_, { x, t, s, conditions }) => {
    const shift = perSample(conditions!['label']!.cast('float32'), x);
    const centred = x.sub(full(1).sub(perSample(t, x)).mul(shift));
    return (s ? exact.averageVelocity(centred, t, s).mul(1.1) : teacher.velocity({}, { x: centred, t })).sub(shift);
  };
  const model = (interval: boolean): Model => {
    const network = defineNetwork({ type: 'moved', shape: [2], interval }, {}, apply, { conditions });
    return { kind: interval ? 'flowMap' : 'velocity', network, params: {}, classes: ['here', 'moved'] };
  };
  const opaque = opaqueField(
    async ({ x, t, label: classes }) => {
      const values = x!.data.map((value, i) => {
        const [time, shift] = [t!.data[i >> 1]!, classes!.data[i >> 1]!];
        const variance = ((1 - time) * LAW.std) ** 2 + time ** 2;
        const rate = (time - (1 - time) * LAW.std ** 2) / variance;
        return rate * (value - (1 - time) * shift) - shift;
      });
      return Promise.resolve({ v: hostTensor(x!.shape, values) });
    },
    { x: 'x', t: 't', conditions: { label: 'label' }, velocity: 'v' },
  );
  const common = { runtime, student: model(true), data: rows };
  const unmoved = { runtime, student: scaled(1.1), teacher, data };
  const [drift, ...drifts] = await Promise.all([
    velocityDrift(unmoved),
    velocityDrift({ ...common, teacher: model(false) }),
    velocityDrift({ ...common, teacher: opaque }),
  ]);
  // Moved data are rounded to float32, an error of 1e-7.
  for (const other of drifts) other.forEach(({ rms }, i) => expect(rms).toBeCloseTo(drift[i]!.rms, 6));
  const [error, ...errors] = await Promise.all([
    mapErrorByLength(unmoved),
    mapErrorByLength({ ...common, teacher: model(false) }),
    mapErrorByLength({ ...common, teacher: opaque }),
  ]);
  for (const other of errors) other.forEach(({ rms }, i) => expect(rms).toBeCloseTo(error[i]!.rms, 6));
  const missing = velocityDrift({ ...common, teacher: model(false), data: { ...rows, conditions: {} } });
  await expect(missing).rejects.toThrow('velocityDrift.data.conditions.label');
});
