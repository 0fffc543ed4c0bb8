import { ConfigError, type Draws, type Objective } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shortcut } from './shortcut.js';
import { terminalVelocity } from './terminal-velocity.js';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { flowMatching } from './flow-matching.js';
import { intervalsToData, logUniformLengths } from './intervals.js';
import { mixedIntervals } from './mixed-intervals.js';
import { describeObjective, evaluateToy, type ObjectiveContract, type ToyParameters } from './testing/index.js';
import { velocityAnchor } from './velocity-anchor.js';

const runtime = referenceRuntime();
const plain = (): Objective => ayfEmd({ c: Infinity, diagonalShare: 0 });

/** The gradient of AYF-EMD without normalisation, as in ayf-emd.test.ts. */
const emd: ObjectiveContract = {
  runtime,
  usesTimeDerivative: true,
  gradient({ xt, t, s, velocity: v }, { a, b, d }, { r = NaN }) {
    const factor = 1 + b * t + d * s;
    const pull = 2 * (a * factor * xt - v + r * (t - s) * (a * factor * v + a * b * xt));
    return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
  },
};

describeObjective('ayfEmd with a share at s = t', () => velocityAnchor(plain(), { share: 0.25 }), emd);

for (const [name, teacher] of [
  ['with a second batch at s = t', true],
  ['from data with a second batch at s = t', false],
] as const) {
  const inner = (): Objective => ayfEmd({ c: Infinity, diagonalShare: 0, teacher });
  describeObjective(`ayfEmd ${name}`, () => velocityAnchor(inner(), { batch: { weight: 0.3 } }), {
    ...emd,
    gradient(sample, params, schedules) {
      const { a, b, d } = params;
      const time = sample.draws['anchorTime']![0]!;
      // The same data with the negated noise.
      const x = sample.x0 + time * (-sample.noise - sample.x0);
      const factor = 1 + (b + d) * time;
      const target = teacher ? sample.velocityAt(x, time) : -sample.noise - sample.x0;
      const pull = 0.3 * 2 * (a * factor * x - target);
      const [ofA, ofB, ofD] = emd.gradient(sample, params, schedules);
      return [ofA + pull * factor * x, ofB + pull * a * time * x, ofD + pull * a * time * x];
    },
  });
}

describe('velocityAnchor by a share', () => {
  const key = { seed: 3, step: 5, iterations: 100 };

  test('puts the samples at s = t that diagonalShare does, at the same times', () => {
    const own = ayfEmd({ diagonalShare: 0.25 }).draw(key, 32);
    const wrapped = velocityAnchor(plain(), { share: 0.25 }).draw(key, 32);
    const held = [...wrapped.t.keys()].filter((i) => wrapped.t[i] === wrapped.s[i]);
    expect(held).toEqual([3, 7, 11, 15, 19, 23, 27, 31]);
    for (const i of held) expect([wrapped.t[i], wrapped.s[i]]).toEqual([own.t[i], own.s[i]]);
  });

  test('leaves the objective what it draws for fewer samples, whatever that is', () => {
    const settings = fc.record({
      share: fc.double({ min: 0.01, max: 0.95, noNaN: true }),
      count: fc.integer({ min: 1, max: 80 }),
      inner: fc.constantFrom(
        plain(),
        ayfLmd({ diagonalShare: 0.5 }),
        ayfEmd({
          diagonalShare: 0,
          intervalLengths: mixedIntervals([
            { share: 0.25, of: intervalsToData() },
            { share: 0.75, of: logUniformLengths() },
          ]),
        }),
        shortcut({ steps: 8 }),
      ),
    });
    fc.assert(
      fc.property(settings, ({ share, count, inner }) => {
        const drawn = velocityAnchor(inner, { share }).draw(key, count);
        const held = [...Array(count).keys()].filter(
          (i) => Math.floor((i + 1) * share + 1e-9) > Math.floor(i * share + 1e-9),
        );
        expect(held).toHaveLength(Math.floor(count * share + 1e-9));
        for (const i of held) expect(drawn.t[i]).toBe(drawn.s[i]);
        const others = inner.draw(key, count - held.length);
        for (const [name, values] of Object.entries(others)) {
          expect([...drawn[name]!].filter((_, i) => !held.includes(i))).toEqual([...values]);
        }
      }),
    );
  });

  test('is flow matching on the samples at s = t, on the teacher or on data', async () => {
    const params: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0 };
    const samples = [0.2, 0.9].map((time) => ({ x0: 0.4, noise: -1.2, t: time, s: time, velocity: -0.7 }));
    const matched = await evaluateToy(runtime, flowMatching(), params, samples, {});
    for (const inner of [plain(), ayfEmd({ c: Infinity, teacher: false }), ayfLmd({ c: Infinity })]) {
      const held = velocityAnchor(inner, { share: 0.5 });
      const { loss, gradient } = await evaluateToy(runtime, held, params, samples, { r: 0.7 });
      expect({ loss, gradient }).toEqual({ loss: matched.loss, gradient: matched.gradient });
    }
  });
});

describe('velocityAnchor by a second batch', () => {
  const params: ToyParameters = { a: 0.4, b: 0.3, d: -0.2, e: 0.1 };
  const samples = [
    { x0: 0.9, noise: -0.4, t: 0.8, s: 0.3, velocity: -1.1, draws: { anchorTime: [0.7] } },
    { x0: -1.3, noise: 0.7, t: 0.55, s: 0.05, velocity: 1.6, draws: { anchorTime: [0.1] } },
  ];

  test.each([
    ['AYF-LMD', () => ayfLmd()],
    ['terminal velocity matching', () => terminalVelocity()],
  ])('adds flow matching on points of their own to %s', async (_, make) => {
    const before = await evaluateToy(runtime, make(), params, samples, {});
    const held = await evaluateToy(runtime, velocityAnchor(make(), { batch: { weight: 2 } }), params, samples, {});
    const alone = await evaluateToy(runtime, { ...velocityAnchor(zero(make()), { batch: {} }) }, params, samples, {});
    expect(held.loss).toBeCloseTo(before.loss + 2 * alone.loss, 12);
    held.gradient.forEach((g, i) => expect(g).toBeCloseTo(before.gradient[i]! + 2 * alone.gradient[i]!, 12));
    expect(alone.loss).toBeGreaterThan(0.1);
    expect(held['anchorError']).toBe(alone['anchorError']);
  });

  /** The same objective without a loss of its own. */
  function zero(objective: Objective): Objective {
    return { ...objective, loss: ({ xt }) => ({ loss: xt.mul(0).sum(), metrics: {} }) };
  }

  test('draws times apart from those of the first batch, uniform in [0, 1)', () => {
    const { anchorTime, ...first } = velocityAnchor(plain(), { batch: {} }).draw(
      { seed: 0, step: 1, iterations: 9 },
      4000,
    );
    expect(first).toEqual(plain().draw({ seed: 0, step: 1, iterations: 9 }, 4000));
    const sorted = anchorTime!.toSorted();
    // Kolmogorov-Smirnov, once in a thousand seeds.
    sorted.forEach((time, i) => expect(Math.abs(time - (i + 0.5) / 4000)).toBeLessThan(1.95 / Math.sqrt(4000)));
    const mean = anchorTime!.reduce((sum, time, i) => sum + (time - 0.5) * (first.t[i]! - 0.5), 0) / 4000;
    // Deviations are at most 0.29 each: four standard errors of their product.
    expect(Math.abs(mean)).toBeLessThan((4 * 0.29 ** 2) / Math.sqrt(4000));
  });
});

describe('velocityAnchor', () => {
  test('keeps the name of its objective, and its settings with some more', () => {
    const held = velocityAnchor(velocityAnchor(plain(), { share: 0.25 }), { batch: {} });
    expect(held).toMatchObject({
      name: 'ayf-emd',
      needs: { teacher: true },
      watch: 'tangentNorm',
      draws: { anchorTime: [] },
    });
    expect(held.config).toEqual({
      ...plain().config,
      'velocityAnchor.share': 0.25,
      'velocityAnchor.batch.weight': 1,
    });
  });

  test.each<[string, () => unknown, string]>([
    ['a share of nothing', () => velocityAnchor(plain(), { share: 0 }), 'share'],
    ['a share of everything', () => velocityAnchor(plain(), { share: 1 }), 'share'],
    ['a share that is no number', () => velocityAnchor(plain(), { share: NaN }), 'share'],
    ['a weight of nothing', () => velocityAnchor(plain(), { batch: { weight: 0 } }), 'batch.weight'],
    ['flow matching, which is at s = t', () => velocityAnchor(flowMatching(), { share: 0.5 }), 'objective'],
    ['flow matching twice', () => velocityAnchor(flowMatching(), { batch: {} }), 'objective'],
    ['two second batches', () => velocityAnchor(velocityAnchor(plain(), { batch: {} }), { batch: {} }), 'objective'],
  ])('refuses %s', (_, make, option) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(expect.objectContaining({ option: `velocityAnchor.${option}` }));
  });

  test('gives rows of every size to the samples they belong to', () => {
    const rows: Objective = {
      ...plain(),
      draws: { pair: [2] },
      draw(key, count): Draws {
        return { ...plain().draw(key, count), pair: Float32Array.from({ length: 2 * count }, (_, i) => i) };
      },
    };
    const { pair } = velocityAnchor(rows, { share: 0.5 }).draw({ seed: 0, step: 0, iterations: 1 }, 4);
    expect([...pair!]).toEqual([0, 1, 0, 1, 2, 3, 2, 3]);
  });
});
