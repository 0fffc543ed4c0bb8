import { referenceRuntime } from '@flowmap/runtime-reference';
import { describe, it } from 'vitest';
import { input } from '../graph/tensor.js';
import type { Case } from '../testing/case.js';
import { compositeCases } from '../testing/cases/composites.js';
import { primitiveCases } from '../testing/cases/primitives.js';
import { checkDerivatives } from '../testing/index.js';

const runtime = referenceRuntime();

/** The cases whose derivative is a limit of differences. */
const differentiable = (cases: readonly Case[]): Case[] =>
  cases.filter(({ args, f, smooth }) => {
    const result = f(...args.map(({ shape, dtype }) => input('x', shape, dtype)));
    return smooth && result.dtype === 'float32' && args.some(({ dtype }) => dtype === 'float32');
  });

const groups = [...Object.entries(primitiveCases), ...Object.entries(compositeCases)];

describe('first and second derivatives against central differences', () => {
  it.each(groups.filter(([, cases]) => differentiable(cases).length > 0))('%s', async (_, cases) => {
    for (const [i, { name, args, f }] of differentiable(cases).entries()) {
      const point = args.map((sample, j) => sample.draw(100 * i + j));
      await checkDerivatives(f, point, { runtime, order: 2, seed: i }).catch((error: unknown) => {
        throw new Error(name, { cause: error });
      });
    }
  });
});
