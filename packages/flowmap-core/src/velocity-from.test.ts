import { concat, full, hostTensor, jvp, select, type HostTensor, type Tensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { gaussianVelocity, mixtureVelocity } from './closed-forms.js';
import { ConfigError } from './errors.js';
import { cosineNoise, veNoise, vpNoise, type NoiseSchedule } from './noise-schedules.js';
import { linearPath, perSample, trigonometricPath, type Path } from './path.js';
import type { VelocityField } from './plugins.js';
import {
  edmDenoiser,
  velocityFromDenoiser,
  velocityFromNoisePrediction,
  velocityFromVPrediction,
  velocityOnPath,
  type Predictor,
} from './velocity-from.js';

const runtime = referenceRuntime();

interface Law {
  readonly weights: readonly number[];
  readonly means: readonly number[];
  readonly stds: readonly number[];
}

/** Factors of data and noise at the network's own time, as given in its paper. */
type Factors = (time: Tensor) => { readonly A: Tensor; readonly B: Tensor };

const ve: Factors = (time) => ({ A: full(1, time.shape), B: time });
const vp: Factors = (time) => {
  const A = time.mul(0.1).add(time.square().mul((20 - 0.1) / 2)).mul(-0.5).exp(); // prettier-ignore
  return { A, B: full(1).sub(A.square()).sqrt() };
};
const cosine: Factors = (time) => {
  const start = ((Math.PI / 2) * 0.008) / 1.008;
  const A = time.add(0.008).mul(Math.PI / 2 / 1.008).cos().mul(1 / Math.cos(start)); // prettier-ignore
  return { A, B: full(1).sub(A.square()).sqrt() };
};
const trigonometric: Factors = (time) => ({ A: time.mul(Math.PI / 2).cos(), B: time.mul(Math.PI / 2).sin() });

/** What an ideal network predicts for a mixture, at its own points and times. */
function ideal(law: Law, factors: Factors, predicts: 'x0' | 'z' | 'v'): Predictor {
  return {
    parameters: {},
    predict(_, { x, t }) {
      const { A, B } = factors(perSample(t, x));
      const parts = law.means.map((mean, k) => {
        const std = law.stds[k]!;
        const dataVariance = std ** 2;
        const variance = A.square().mul(dataVariance).add(B.square());
        const off = x.sub(A.mul(mean));
        return {
          score: off.square().div(variance).add(variance.log()).mul(-0.5).add(Math.log(law.weights[k]!)),
          x0: A.mul(dataVariance).mul(off).div(variance).add(mean),
          z: B.mul(off).div(variance),
        };
      });
      const probabilities = concat(parts.map(({ score }) => score), -1).softmax(); // prettier-ignore
      const mean = (of: 'x0' | 'z'): Tensor => probabilities.mul(concat(parts.map((part) => part[of]), -1)).sum([-1], true); // prettier-ignore
      if (predicts !== 'v') return mean(predicts);
      return A.mul(mean('z')).sub(B.mul(mean('x0')));
    },
  };
}

const gaussianLaw = { mean: 0.7, std: 0.5 };
const gaussian: Law = { weights: [1], means: [0.7], stds: [0.5] };
const mixture: Law = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
const noises: readonly [NoiseSchedule, Factors][] = [
  [veNoise(), ve],
  [vpNoise(), vp],
  [cosineNoise(), cosine],
  [trigonometricPath, trigonometric],
];

const points = [0.4, -1.2, 0.1, 1.9, -0.6, 0.9, -2.1];
// The last is noisier than a cosine schedule in 1,000 steps, and less noisy than EDM's 80.
const times = [0.05, 0.2, 0.37, 0.5, 0.74, 0.9, 0.98];

async function valuesOf(field: VelocityField, x: readonly number[], t: readonly number[]): Promise<number[]> {
  const args = [hostTensor([x.length, 1], Float64Array.from(x)), hostTensor([t.length], Float64Array.from(t))];
  const { data }: HostTensor = await evaluate(runtime, (x, t) => field.velocity({}, { x: x, t: t }), args);
  return Array.from(data);
}

function exactOn(path: Path, law: Law): VelocityField {
  if (law === gaussian) return gaussianVelocity(gaussianLaw, path);
  const linear = mixtureVelocity(law);
  return path === linearPath ? linear : velocityOnPath(linear, { from: linearPath, to: path });
}

async function expectSame(field: VelocityField, exact: VelocityField, t: readonly number[] = times): Promise<void> {
  const x = points.slice(0, t.length);
  const [got, wanted] = [await valuesOf(field, x, t), await valuesOf(exact, x, t)];
  got.forEach((value, i) => expect(Math.abs(value - wanted[i]!), `t = ${t[i]}`).toBeLessThan(1e-12));
}

describe.each([linearPath, trigonometricPath])('on the $name path', (path) => {
  describe.each([
    { name: 'Gaussian', law: gaussian },
    { name: 'mixture', law: mixture },
  ])('of a $name', ({ law }) => {
    const exact = exactOn(path, law);

    test.each(noises)(
      'predictions of data, noise and v with the noise of %o are the velocity',
      async (noise, factors) => {
        await expectSame(velocityFromDenoiser(ideal(law, factors, 'x0'), { noise, path }), exact);
        await expectSame(velocityFromNoisePrediction(ideal(law, factors, 'z'), { noise, path }), exact);
        if (factors !== ve) await expectSame(velocityFromVPrediction(ideal(law, factors, 'v'), { noise, path }), exact);
      },
    );

    test('a denoiser is exact at t = 0, and at t = 1 up to the noise that it has not seen', async () => {
      const field = velocityFromDenoiser(ideal(law, ve, 'x0'), { path });
      await expectSame(field, exact, [0, 0]);
      const blind = await valuesOf(field, [0.4, -1.2], [1, 1]);
      const wanted = await valuesOf(exact, [0.4, -1.2], [1, 1]);
      // E[x_0 | x] at sigma = 80 is off by about var(x_0) |x| / 80 of its limit, the mean.
      blind.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(0.05));
      const all = velocityFromDenoiser(ideal(law, trigonometric, 'x0'), { noise: trigonometricPath, path });
      await expectSame(all, exact, [1, 1]);
    });

    test('a denoiser that is NaN without noise is evaluated at the smallest noise, to within it', async () => {
      const network = ideal(law, ve, 'x0');
      const logarithmic: Predictor = {
        parameters: {},
        predict: (params, inputs) =>
          network.predict(params, { ...inputs, t: select(inputs.t.equal(0), NaN, inputs.t) }),
      };
      const field = velocityFromDenoiser(logarithmic, { noise: veNoise({ smallest: 0.002 }), path });
      const t = [0, 1e-5, 0.001];
      const [got, wanted] = [
        await valuesOf(field, points.slice(0, 3), t),
        await valuesOf(exact, points.slice(0, 3), t),
      ];
      // The score is at most 7 / 0.3 here, and the velocity is off by about 0.002 of it, times pi / 2 on the
      // trigonometric path.
      got.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(0.05));
      const unguarded = await valuesOf(velocityFromDenoiser(logarithmic, { path }), [0.4], [0]);
      expect(unguarded).toEqual([NaN]);
      await expectSame(field, exact, times);
    });

    test('a v-prediction is exact at both ends', async () => {
      const field = velocityFromVPrediction(ideal(law, trigonometric, 'v'), { noise: trigonometricPath, path });
      await expectSame(field, exact, [0, 0, 1, 1]);
    });

    test('a noise prediction is exact at t = 0, and finite at t = 1 where the noise ends', async () => {
      for (const [noise, factors] of noises.slice(0, 2)) {
        const field = velocityFromNoisePrediction(ideal(law, factors, 'z'), { noise, path });
        await expectSame(field, exact, [0, 0]);
        expect((await valuesOf(field, [0.4], [1])).every(Number.isFinite)).toBe(true);
      }
    });
  });
});

test('the formulas of EDM on the linear path, by hand', async () => {
  // D(x; sigma) = c² / (c² + sigma²) x for N(0, c²): (x_t - D(x_t / (1 - t); t / (1 - t))) / t for c = 0.5, x_t = 0.7.
  const law = { weights: [1], means: [0], stds: [0.5] };
  const values = await valuesOf(velocityFromDenoiser(ideal(law, ve, 'x0')), [0.7, 0.7, 0.7], [0.1, 0.5, 0.9]);
  [-0.411765, 0.84, 0.753846].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
});

test('a field is converted from one path to the other, both ways and at both ends', async () => {
  const fields = {
    linear: gaussianVelocity(gaussianLaw),
    trigonometric: gaussianVelocity(gaussianLaw, trigonometricPath),
  };
  const all = [0, 0.03, 0.4, 0.6, 0.97, 1];
  const over = velocityOnPath(fields.linear, { from: linearPath, to: trigonometricPath });
  await expectSame(over, fields.trigonometric, all);
  await expectSame(
    velocityOnPath(fields.trigonometric, { from: trigonometricPath, to: linearPath }),
    fields.linear,
    all,
  );
  await expectSame(velocityOnPath(over, { from: trigonometricPath, to: linearPath }), fields.linear, all);
});

test('has derivatives', async () => {
  const along = (field: VelocityField): VelocityField => ({
    parameters: {},
    velocity: (_, { x, t }) =>
      jvp((x, t) => field.velocity({}, { x, t }), [x, t], [field.velocity({}, { x, t }), full(1, t.shape)])[1],
  });
  const inside = [0.2, 0.37, 0.5, 0.74];
  for (const [noise, factors] of noises) {
    const field = velocityFromDenoiser(ideal(gaussian, factors, 'x0'), { noise });
    await expectSame(along(field), along(gaussianVelocity(gaussianLaw)), inside);
  }
});

test('a network is evaluated at its own points and times, with the conditions', async () => {
  const asked: Record<string, unknown> = {};
  const predictor: Predictor = {
    parameters: { w: hostTensor([1], [2]) },
    predict(params, { x, t, conditions }) {
      Object.assign(asked, { conditions, params });
      return x.mul(0).add(perSample(t, x));
    },
  };
  const field = velocityFromDenoiser(predictor, { noise: veNoise({ largest: 4 }) });
  expect(field.parameters).toBe(predictor.parameters);
  // v = (x - D) / t with D = sigma = t / (1 - t), at most 4: x = 0.
  const x = hostTensor([3, 1], [0, 0, 0]);
  const t = hostTensor([3], Float64Array.of(0.5, 0.75, 1));
  const { data } = await evaluate(
    runtime,
    (x, t) => field.velocity({ w: t }, { x: x, t: t, conditions: { label: t } }),
    [x, t],
  );
  [-2, -4, -4].forEach((value, i) => expect(data[i]).toBeCloseTo(value, 13));
  expect(Object.keys(asked['conditions'] as object)).toEqual(['label']);
  expect(Object.keys(asked['params'] as object)).toEqual(['w']);
});

test('noise that does not exist is refused', () => {
  expect(() => veNoise({ largest: 0 })).toThrow(ConfigError);
  expect(() => veNoise({ smallest: -1 })).toThrow(ConfigError);
  expect(() => veNoise({ smallest: 2, largest: 1 })).toThrow(ConfigError);
  expect(() => vpNoise({ betaMin: 0 })).toThrow(ConfigError);
  expect(() => vpNoise({ betaMin: 2, betaMax: 1 })).toThrow(ConfigError);
  expect(() => cosineNoise({ offset: -1 })).toThrow(ConfigError);
});

describe("EDM's networks", () => {
  const std = 0.5;
  const denoiser: Predictor = {
    parameters: {},
    predict: (_, { x, t }) =>
      x.mul(std ** 2).div(
        perSample(t, x)
          .square()
          .add(std ** 2),
      ),
  };

  test('the velocity of Gaussian data from its denoiser has the values worked out by hand', async () => {
    const values = await valuesOf(velocityFromDenoiser(denoiser), [0.7, 0.7, 0.7], [0.1, 0.5, 0.9]);
    [-0.411765, 0.84, 0.753846].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
  });

  test('a raw network is a denoiser with its scales', async () => {
    const sigmaData = 0.8;
    // F = (D - c_skip x) / c_out at x = y √(sigma² + d²), for the points y and times ln(sigma) / 4 that the network sees
    const raw: Predictor = {
      parameters: {},
      predict(_, { x: y, t }) {
        const sigma = perSample(t.mul(4).exp(), y);
        const squares = sigma.square().add(sigmaData ** 2);
        const x = y.mul(squares.sqrt());
        const D = x.mul(std ** 2).div(sigma.square().add(std ** 2));
        return D.sub(x.mul(sigmaData ** 2).div(squares))
          .mul(squares.sqrt())
          .div(sigma.mul(sigmaData));
      },
    };
    const noise = veNoise({ smallest: 0.002 });
    await expectSame(
      velocityFromDenoiser(edmDenoiser(raw, { sigmaData }), { noise }),
      velocityFromDenoiser(denoiser, { noise }),
    );
    expect(() => edmDenoiser(raw, { sigmaData: 0 })).toThrow(ConfigError);
  });
});
