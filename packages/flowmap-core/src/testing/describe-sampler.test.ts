import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, expect, test } from 'vitest';
import { interpolate, perSample } from '../path.js';
import { adamsBashforth } from '../samplers/adams-bashforth.js';
import { consistency } from '../samplers/consistency.js';
import { dormandPrince } from '../samplers/dormand-prince.js';
import { dpmSolver } from '../samplers/dpm-solver.js';
import { euler } from '../samplers/euler.js';
import { flowMapSampler } from '../samplers/flow-map-sampler.js';
import { gamma } from '../samplers/gamma.js';
import { heun } from '../samplers/heun.js';
import { restart, restartGrid } from '../samplers/restart.js';
import { logRatioGrid } from '../samplers/__fixtures__/exact-models.js';
import type { Sampler } from '../samplers/sampler.js';
import { describeSampler } from './describe-sampler.js';
import { samplerChecks } from './sampler-checks.js';

/** A custom sampler: the example from CONTRIBUTING.md. */
const midpoint: Sampler = {
  name: 'midpoint',
  config: {},
  needs: { interval: false },
  step(field, x, t, s) {
    const middle = t.add(s).mul(0.5);
    const half = x.add(perSample(middle.sub(t), x).mul(field.averageVelocity(x, t, t)));
    return x.add(perSample(s.sub(t), x).mul(field.averageVelocity(half, middle, middle)));
  },
};

const oracle = referenceRuntime;
describeSampler('flowMapSampler', flowMapSampler, { oracle });
describeSampler('euler', euler, { oracle, order: 1 });
describeSampler('heun', heun, { oracle, order: 2 });
describeSampler('adamsBashforth', adamsBashforth, { oracle, order: 2 });
describeSampler('dpmSolver', dpmSolver, { oracle, order: 2, grid: logRatioGrid });
describeSampler('dormandPrince', dormandPrince, { oracle, order: 5 });
describeSampler('restart of flowMapSampler', () => restart(flowMapSampler()), {
  oracle,
  grid: (steps) => restartGrid([1, 0.4, 0.1], { low: 0.4, high: 0.7, repeats: (steps - 2) / 2 }),
});
describeSampler('gamma, γ = 0', () => gamma(0), { oracle });
describeSampler('gamma, γ = 0.6', () => gamma(0.6), { oracle });
describeSampler('consistency', consistency, { oracle });
describeSampler('of a user', () => midpoint, { oracle, order: 2 });

describe('the contract of samplers', () => {
  const [identity, apart, same, exact, networks, seeds, grids] = [
    'leaves points as they are in a step of length 0, to the bit',
    'keeps samples apart, each with its own class',
    'gives the same points for any batch size and any number of steps a call',
    'leads to the exact points with its order, or to their law when it draws',
    'takes the networks that it says, and refuses others',
    'draws by the seed alone, and wants one',
    'takes any grid with one program, and keeps nothing from one to the next',
  ];
  const noisy = { name: 'noisy', config: {}, needs: { interval: true }, draws: 'normal' } as const;

  test.each<{ fault: string; sampler: Sampler; order?: number; broken: readonly (string | undefined)[] }>([
    {
      fault: 'ignores s',
      sampler: { ...flowMapSampler(), step: (field, x, t) => field.map(x, t, t.mul(0.9)) },
      broken: [identity, same, exact],
    },
    {
      fault: 'mixes samples',
      sampler: {
        ...euler(),
        step: (field, x, t, s, extra) =>
          euler().step(field, x.add(perSample(s.sub(t), x).mul(x.mean([0], true))), t, s, extra),
      },
      order: 1,
      broken: [same, apart, exact],
    },
    { fault: 'has a lower order than it says', sampler: euler(), order: 2, broken: [exact] },
    { fault: 'has a higher order than it says', sampler: heun(), order: 1, broken: [exact] },
    {
      fault: 'takes the steps of a multistep method to be equal',
      sampler: {
        ...adamsBashforth(),
        step(field, x, t, s, { carry, ...extra }) {
          const before = carry['length']!.equal(0);
          const even = { ...carry, length: before.cast('float32').mul(-1).add(1).mul(s.sub(t)) };
          return adamsBashforth().step(field, x, t, s, { ...extra, carry: even });
        },
      },
      order: 2,
      broken: [identity, exact],
    },
    {
      fault: 'renoises without room for the noise',
      sampler: {
        ...noisy,
        step: (field, x, t, s, { noise }) =>
          field.map(x, t, s).add(perSample(t.square().sub(s.square()).maximum(0).sqrt(), x).mul(noise!)),
      },
      broken: [exact],
    },
    {
      fault: 'renoises in steps of no length',
      sampler: { ...noisy, step: (field, x, t, s, { noise }) => interpolate(field.map(x, t, t.mul(0)), noise!, s) },
      broken: [identity, same],
    },
    {
      fault: 'does not say that it needs a flow map',
      sampler: { ...flowMapSampler(), needs: { interval: false } },
      broken: [exact, networks],
    },
    {
      fault: 'draws and makes nothing of it',
      sampler: { ...noisy, step: (field, x, t, s) => field.map(x, t, s) },
      broken: [seeds],
    },
    {
      fault: 'is not finite at the end',
      sampler: { ...flowMapSampler(), step: (field, x, t, s) => field.map(x, t, s).mul(perSample(s.div(s), x)) },
      broken: [identity, grids, exact],
    },
  ])('catches one that $fault', { timeout: 120_000 }, async ({ sampler, order = Infinity, broken }) => {
    const failed: string[] = [];
    for (const [title, check] of Object.entries(samplerChecks)) {
      try {
        await check({ sampler, runtime: referenceRuntime(), order });
      } catch {
        failed.push(title);
      }
    }
    expect(failed.sort()).toEqual(broken.toSorted());
  });
});
