import { gaussianVelocity, loader, mlp, type Callback } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { memoryStore, objectivePhase, train, trainee, type TrainingOptions } from '@flowmap/train';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ayfLmd } from './ayf-lmd.js';
import { logUniformLengths, sampleIntervals, type DrawKey } from './intervals.js';
import { lengthCurriculum } from './length-curriculum.js';
import { stepIntervals } from './step-intervals.js';

const at = (step: number, sample = 0): DrawKey => ({ seed: 4, step, iterations: 100, sample, place: sample });

test('multiplies lengths by a factor that grows over the share of the run it is told', () => {
  const base = logUniformLengths();
  const lengths = lengthCurriculum(base, { from: 1 / 16, over: 0.4 });
  const factor = (step: number): number => lengths.draw(at(step)) / base.draw(at(step));
  [1 / 16, 1 / 8, 1 / 4, 1 / 2].forEach((wanted, i) => expect(factor(10 * i)).toBeCloseTo(wanted, 14));
  for (const step of [40, 41, 99]) expect(lengths.draw(at(step))).toBe(base.draw(at(step)));
  const shrinking = lengthCurriculum(base, { from: 1, to: 0.25, over: 1 });
  expect(shrinking.draw(at(0))).toBe(base.draw(at(0)));
  expect(shrinking.draw(at(50))).toBeCloseTo(base.draw(at(50)) / 2, 14);
  expect([lengths.range, shrinking.range]).toEqual([
    [1 / 1024, 1],
    [1 / 256, 1],
  ]);
});

test('depends on the progress alone: a resumed run has the same bits, and the closed form holds at every step', () => {
  const settings = fc.record({
    from: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    to: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    over: fc.double({ min: 0.01, max: 1, noNaN: true }),
    step: fc.integer({ min: 0, max: 99 }),
  });
  fc.assert(
    fc.property(settings, ({ step, ...options }) => {
      const make = () => lengthCurriculum(logUniformLengths(), options);
      const lengths = make();
      const key = { seed: 1, step, iterations: 100 };
      for (let before = 0; before < step; before += 7) lengths.draw(at(before));
      expect(sampleIntervals(key, 8, lengths)).toEqual(sampleIntervals(key, 8, make()));
      const { from, to, over } = options;
      const wanted = from * (to / from) ** Math.min(1, step / (100 * over));
      expect(lengths.draw(at(step)) / logUniformLengths().draw(at(step))).toBeCloseTo(wanted, 12);
    }),
  );
});

test('a training that stops half-way and goes on has the bits of one that does not', async () => {
  const network = mlp({ shape: [1], interval: true, width: 8, depth: 1 });
  const intervalLengths = lengthCurriculum(logUniformLengths(), { from: 0.1, over: 1 });
  const trained = (more: Partial<TrainingOptions>) =>
    train({
      runtime: referenceRuntime(),
      trainees: {
        student: trainee({
          model: { kind: 'flowMap', network, params: network.init(0), classes: [] },
          learningRate: 1e-2,
        }),
      },
      phases: [
        objectivePhase({
          network,
          objective: ayfLmd({ intervalLengths }),
          teacher: gaussianVelocity({ std: 0.5 }),
          batchSize: 8,
          seed: 0,
        }),
      ],
      batches: loader(gaussianMixture({ weights: [1], means: [[0]], stds: [0.5], classes: [] }), {
        batchSize: 8,
        seed: 0,
      }),
      iterations: 6,
      ...more,
    });
  const whole = await trained({});
  const stop = new AbortController();
  const halt: Callback = { name: 'halt', every: 1, run: ({ step }) => (step === 3 ? stop.abort() : undefined) };
  const store = memoryStore();
  expect(await trained({ store, signal: stop.signal, callbacks: [halt] })).toMatchObject({ completed: false, step: 3 });
  const resumed = await trained({ store: memoryStore(store) });
  expect(resumed.model().params).toEqual(whole.model().params);
});

test('leaves the starts to its distribution', () => {
  const lengths = lengthCurriculum(stepIntervals({ steps: [4] }), { from: 0.1 });
  const { s } = sampleIntervals({ seed: 1, step: 0, iterations: 100 }, 32, lengths);
  expect([...new Set(s)].sort()).toEqual([0, 0.25, 0.5, 0.75]);
});

test('refuses factors and shares that are none', () => {
  for (const [option, options] of [
    ['from', { from: 0 }],
    ['to', { from: 1, to: 1.5 }],
    ['over', { from: 1, over: NaN }],
  ] as const) {
    expect(() => lengthCurriculum(logUniformLengths(), options)).toThrow(
      expect.objectContaining({ name: 'ConfigError', option: `lengthCurriculum.${option}` }),
    );
  }
});
