import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Executable } from '@flowmap/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paths, type PathName } from '../path.js';
import { factorsAt, gaussianModels } from './__fixtures__/exact-models.js';
import { consistency } from './consistency.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { gamma } from './gamma.js';
import { restart } from './restart.js';
import { samplerProgram } from './sampler-program.js';
import type { Sampler } from './sampler.js';

const runtime = referenceRuntime();
const law = { mean: 0.7, std: 0.5 };

async function compiled(sampler: Sampler, path: PathName): Promise<Executable> {
  const { network } = gaussianModels(law, path).map;
  return runtime.compile(samplerProgram(sampler, { network, path: paths[path], batchSize: 3, steps: 1 }));
}

/** At the exact map a step is affine, `a + b x + c z`: three points tell its numbers. */
async function affine(executable: Executable, t: number, s: number): Promise<[a: number, b: number, c: number]> {
  const { x } = await executable.run({
    x: hostTensor([3, 1], Float64Array.of(0, 1, 0)),
    noise: hostTensor([1, 3, 1], Float64Array.of(0, 0, 1)),
    times: hostTensor([2], Float64Array.of(t, s)),
  });
  const [a, atX, atZ] = Array.from((await x!.read()).data) as [number, number, number];
  return [a, atX - a, atZ - a];
}

function momentsAt(path: PathName, t: number): { readonly mean: number; readonly variance: number } {
  const { alpha, sigma } = factorsAt(path, t);
  return { mean: alpha * law.mean, variance: (alpha * law.std) ** 2 + sigma ** 2 };
}

/** Checks that a step leads from the path's law at t to that at s. */
async function expectExact(executable: Executable, path: PathName, t: number, s: number): Promise<number> {
  const [a, b, c] = await affine(executable, t, s);
  const [from, to] = [momentsAt(path, t), momentsAt(path, s)];
  expect(Math.abs(a + b * from.mean - to.mean)).toBeLessThan(1e-12);
  expect(Math.abs(b ** 2 * from.variance + c ** 2 - to.variance)).toBeLessThan(1e-12);
  return c;
}

const time = fc.double({ min: 0, max: 1, noNaN: true });
const SAMPLERS = [gamma(0.01), gamma(0.3), gamma(0.7), gamma(0.99), gamma(1), consistency()];

describe.each(['linear', 'trigonometric'] as const)(
  'mean and variance after a step at the exact map, %s path',
  (path) => {
    test.each(SAMPLERS)('by $name $config are those of the path, and the noise is γ sigma', async (sampler) => {
      const executable = await compiled(sampler, path);
      const strength = Number(sampler.config['gamma'] ?? 1);
      await fc.assert(
        fc.asyncProperty(time, time, async (t, s) => {
          fc.pre(t !== s);
          const c = await expectExact(executable, path, t, s);
          expect(Math.abs(c - strength * factorsAt(path, s).sigma)).toBeLessThan(1e-12);
        }),
        { numRuns: 25 },
      );
    });

    test('by a restart are those of the path, and only steps towards noise draw', async () => {
      const executable = await compiled(restart(flowMapSampler()), path);
      await fc.assert(
        fc.asyncProperty(time, time, async (t, s) => {
          fc.pre(Math.abs(t - s) > 1e-3 && t < 1);
          const c = await expectExact(executable, path, t, s);
          expect(c > 0).toBe(s > t);
        }),
        { numRuns: 50 },
      );
    });
  },
);
