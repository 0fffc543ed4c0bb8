import { failedChecks } from '@flowmap/core/testing';
import { perSample, type Draws, type FlowMap, type Objective, type ObjectiveContext } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, jvp, stopGradient, uniforms, type Tensor } from '@flowmap/tensor';
import { describe, expect, it } from 'vitest';
import { ayfEmd } from '../ayf-emd.js';
import { ayfLmd } from '../ayf-lmd.js';
import { squaredError } from '../internal/norms.js';
import { logUniformLengths, sampleIntervals } from '../intervals.js';
import { describeObjective, objectiveChecks, type ObjectiveContract } from './describe-objective.js';
import { TOY_AVERAGE, toyAverageVelocity } from './toy.js';

const runtime = referenceRuntime();

/**
 * The velocity of one step that leads to where two steps lead, the first of which covers the given share of the
 * interval.
 */
function twoSteps(by: FlowMap, { xt, t, s, draws }: ObjectiveContext): Tensor {
  const share = draws['share']!;
  const middle = t.add(share.mul(s.sub(t)));
  const first = by.averageVelocity(xt, t, middle);
  const second = by.averageVelocity(xt.add(perSample(middle.sub(t), xt).mul(first)), middle, s);
  const toMiddle = perSample(share, xt).mul(first);
  const toEnd = perSample(share.neg().add(1), xt).mul(second);
  return toMiddle.add(toEnd);
}

/** A step leads to where two lead through a randomly drawn midpoint: self-distillation by the semigroup property. */
const semigroup = (changes: Partial<Objective> = {}): Objective => ({
  name: 'semigroup',
  config: {},
  needs: { teacher: false },
  schedules: { weight: ({ step, iterations }) => 1 + step / iterations },
  draws: { share: [], unused: [2, 3] },
  draw(key, count): Draws {
    const { t, s } = sampleIntervals(key, count, logUniformLengths());
    const random = (purpose: string, size: number) => (_: unknown, i: number) => {
      const sample = Math.floor(i / size);
      return uniforms({ ...key, purpose, sample }, size)[i % size]!;
    };
    const share = Float32Array.from({ length: count }, random('share', 1));
    return { t, s, share, unused: Float32Array.from({ length: 6 * count }, random('unused', 6)) };
  },
  loss: (context) => weighted(context, stopGradient(twoSteps(context.student, context))),
  ...changes,
});

function weighted(context: ObjectiveContext, target: Tensor): ReturnType<Objective['loss']> {
  const F = context.student.averageVelocity(context.xt, context.t, context.s);
  return { loss: squaredError(F, target).mul(context.schedules['weight']!), metrics: {} };
}

const contract: ObjectiveContract = {
  runtime,
  usesTimeDerivative: true,
  gradient: (sample, params, schedules) => byHand(sample, params, schedules, params),
};

function byHand(
  sample: Parameters<ObjectiveContract['gradient']>[0],
  { a, b, d }: Parameters<ObjectiveContract['gradient']>[1],
  { weight = NaN }: Readonly<Record<string, number>>,
  guide: typeof TOY_AVERAGE,
): readonly [number, number, number] {
  const { xt, t, s, draws } = sample;
  const share = draws['share']![0]!;
  const middle = t + share * (s - t);
  const first = toyAverageVelocity(guide, sample, xt, t, middle);
  const second = toyAverageVelocity(guide, sample, xt + (middle - t) * first, middle, s);
  const factor = 1 + b * t + d * s;
  const pull = 2 * weight * (a * factor * xt - share * first - (1 - share) * second);
  return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
}

const ofAverage = (changes: Partial<Objective> = {}): Objective =>
  semigroup({
    needs: { teacher: false, average: 'ema' },
    loss: (context) => weighted(context, twoSteps(context.average!, context)),
    ...changes,
  });
const averageContract: ObjectiveContract = {
  ...contract,
  usesTimeDerivative: false,
  gradient: (sample, params, schedules) => byHand(sample, params, schedules, TOY_AVERAGE),
};

describeObjective('semigroup', semigroup, contract);
describeObjective('semigroup of the average', ofAverage, averageContract);

describe('the contract of objectives', () => {
  const DRAWS_TIMES = 'draws times 0 <=';
  const DRAWS_NAMED = 'draws what it names,';
  const AVERAGE = 'looks at the moving';
  const STOPS = 'stops the gradient of';
  const FLOWS = 'lets the gradient flow';
  const BY_HAND = 'has the gradient worked';

  /** Titles of the failing checks, shortened to their first words. */
  async function failures(make: () => Objective, held: ObjectiveContract = contract): Promise<string[]> {
    const failed = await failedChecks(objectiveChecks(make, held));
    return failed.map((title) => title.split(' ').slice(0, 4).join(' '));
  }
  const drawing =
    (change: (draws: Draws, key: Parameters<Objective['draw']>[0]) => Record<string, Float32Array>) => () =>
      semigroup({ draw: (key, count) => change(semigroup().draw(key, count), key) as Draws });

  it('has nothing against an objective that is right', async () => {
    expect(await failures(semigroup)).toEqual([]);
    expect(await failures(ofAverage, averageContract)).toEqual([]);
  });

  it('refuses a gradient that leaks through the target', async () => {
    const leaking = (): Objective =>
      semigroup({ loss: (context) => weighted(context, twoSteps(context.student, context)) });
    expect(await failures(leaking)).toEqual([STOPS, BY_HAND]);
    // Through the derivative in time, and through the student's value at the very point where it learns.
    const emd = (leak: (F: Tensor, dFdt: Tensor) => Tensor) => (): Objective => ({
      ...ayfEmd({ c: Infinity }),
      loss({ student, xt, t, s, velocity, schedules }) {
        const v = velocity(xt, t);
        const [F, dFdt] = jvp((x, time) => student.averageVelocity(x, time, s), [xt, t], [v, full(1, t.shape)]);
        const far = perSample(schedules['r']!.mul(t.sub(s)), xt);
        return { loss: squaredError(F, v.sub(far.mul(leak(F, dFdt)))), metrics: {} };
      },
    });
    const emdContract: ObjectiveContract = {
      runtime,
      usesTimeDerivative: true,
      gradient({ xt, t, s, velocity: v }, { a, b, d }, { r = NaN }) {
        const factor = 1 + b * t + d * s;
        const pull = 2 * (a * factor * xt - v + r * (t - s) * (a * factor * v + a * b * xt));
        return [pull * factor * xt, pull * a * t * xt, pull * a * s * xt];
      },
    };
    const stopped = emd((_, dFdt) => stopGradient(dFdt));
    expect(await failures(stopped, emdContract)).toEqual([]);
    expect(
      await failures(
        emd((_, dFdt) => dFdt),
        emdContract,
      ),
    ).toEqual([STOPS, BY_HAND]);
    const value = emd((F, dFdt) => stopGradient(dFdt).add(F.sub(stopGradient(F))));
    expect(await failures(value, emdContract)).toEqual([BY_HAND]);
  });

  it('refuses a gradient that flows through derivatives or does not, other than is said', async () => {
    expect(await failures(semigroup, { ...contract, gradientThroughDerivative: true })).toEqual([FLOWS, BY_HAND]);
    expect(await failures(semigroup, { ...contract, usesTimeDerivative: false })).toEqual([STOPS]);
  });

  it('refuses a velocity of the wrong place, or of any other than x_t without a teacher', async () => {
    const lmd = ayfLmd({ c: Infinity });
    const lmdContract: ObjectiveContract = {
      runtime,
      usesTimeDerivative: true,
      gradient({ xt, t, s, velocityAt }, { a, b, d }) {
        const factor = 1 + b * t + d * s;
        const g = a * (factor + (s - t) * d) * xt - velocityAt(xt + (s - t) * a * factor * xt, s);
        return [2 * g * factor * xt, 2 * g * a * t * xt, 2 * g * a * s * xt];
      },
    };
    expect(await failures(() => lmd, lmdContract)).toEqual([]);
    const asking = (where: (context: ObjectiveContext) => ObjectiveContext['velocity']) => (): Objective => ({
      ...lmd,
      loss: (context) => lmd.loss({ ...context, velocity: where(context) }),
    });
    const atStart = asking(
      ({ velocity, xt, t }) =>
        () =>
          velocity(xt, t),
    );
    expect(await failures(atStart, lmdContract)).toEqual([BY_HAND]);
    const atStartTime = asking(
      ({ velocity, t }) =>
        (x) =>
          velocity(x, t),
    );
    expect(await failures(atStartTime, lmdContract)).toEqual([BY_HAND]);
    const orphan = (): Objective => ({ ...lmd, needs: { teacher: false } });
    expect(await failures(orphan, lmdContract)).toContain(BY_HAND);
  });

  it('refuses times from a grid, unless it is told of them, and times out of order', async () => {
    const coarse = drawing((draws) => ({ ...draws, t: draws.t.map((t) => Math.ceil(4 * t) / 4) }));
    expect(await failures(coarse)).toEqual([DRAWS_TIMES]);
    expect(await failures(coarse, { ...contract, times: 'grid' })).toEqual([]);
    const constant = drawing((draws) => ({ ...draws, t: draws.t.map(() => 1) }));
    expect(await failures(constant, { ...contract, times: 'grid' })).toEqual([DRAWS_TIMES]);
    expect(await failures(drawing((draws) => ({ ...draws, t: draws.s, s: draws.t })))).toContain(DRAWS_TIMES);
  });

  it('refuses draws of another length, unnamed, of a random order or of the batch size', async () => {
    const share = (change: (share: Float32Array, seed: number) => Float32Array): Promise<string[]> =>
      failures(drawing((draws, { seed }) => ({ ...draws, share: change(draws['share']!, seed) })));
    expect(await share((values) => values.map((value) => value / 2))).toEqual([]);
    expect(await share((values) => Float32Array.from([...values, 0]))).toContain(DRAWS_NAMED);
    expect(await share((values) => values.toReversed())).toEqual([DRAWS_NAMED]);
    expect(await share((values) => values.map((value) => value / values.length))).toEqual([DRAWS_NAMED]);
    let calls = 0;
    expect(await share((values) => values.map((value) => value / ++calls))).toEqual([DRAWS_NAMED]);
    expect(await failures(drawing((draws) => ({ ...draws, more: draws.t })))).toEqual([DRAWS_NAMED]);
    expect(await failures(drawing(({ t, s, share }) => ({ t, s, share: share! })))).toContain(DRAWS_NAMED);
  });

  it('refuses a moving average that is asked for in vain', async () => {
    expect(await failures(() => semigroup({ needs: { teacher: false, average: 'ema' } }))).toEqual([AVERAGE]);
    const undeclared = (): Objective => ofAverage({ needs: { teacher: false } });
    expect(await failures(undeclared, averageContract)).toContain(AVERAGE);
  });

  it('refuses 0 / 0 at s = t', async () => {
    const dividing = (): Objective =>
      semigroup({
        loss(context) {
          const length = perSample(context.t.sub(context.s), context.xt);
          return weighted(context, stopGradient(twoSteps(context.student, context).mul(length).div(length)));
        },
      });
    expect(await failures(dividing)).toEqual(['is finite at s']);
  });

  it('refuses metrics that are no scalars, or have the name of what a step logs itself', async () => {
    const logging = (metrics: (loss: Tensor, x: Tensor) => Record<string, Tensor>) => (): Objective =>
      semigroup({
        loss(context) {
          const { loss } = semigroup().loss(context);
          return { loss, metrics: metrics(loss, context.xt) };
        },
      });
    expect(await failures(logging((loss) => ({ half: loss.mul(0.5) })))).toEqual([]);
    expect(await failures(logging((_, points) => ({ points })))).toContain(BY_HAND);
    expect(await failures(logging((loss) => ({ loss })))).toContain(BY_HAND);
    expect(await failures(logging((gradientNorm) => ({ gradientNorm })))).toContain(BY_HAND);
  });

  it('refuses settings that are no JSON, and schedules that are not finite', async () => {
    expect(await failures(() => semigroup({ config: { c: Infinity } }))).toEqual(['describes its settings in']);
    const schedules = { weight: ({ step }: { step: number }): number => 1 / step };
    expect(await failures(() => semigroup({ schedules }))).toContain('has schedules that are');
  });
});
