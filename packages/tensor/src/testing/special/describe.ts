import { expect, it } from 'vitest';
import type { Runtime } from '../../runtime/runtime.js';
import { compareSpecialValues } from './compare.js';
import { specialLimitOf, type SpecialLimit } from './limits.js';

/**
 * NaN, infinities, zeros, the largest and the smallest numbers in each operand of every primitive: a runtime gives what IEEE
 * arithmetic gives, which the oracle computes in, but for its limits.
 *
 * @param limits beside those that are known
 */
export function describeSpecialValues(
  runtime: () => Runtime,
  oracle: () => Runtime,
  limits: readonly SpecialLimit[] = [],
): void {
  // One program for each dtype, whose kernels a GPU in software compiles in a minute if the machine is busy.
  it('special numbers in each operand of every primitive', { timeout: 300_000 }, async () => {
    const results = await compareSpecialValues(runtime(), oracle());
    const found = results.flatMap(({ differences }) => differences);
    const { name } = runtime();
    expect(found.filter((difference) => specialLimitOf(name, difference, limits) === undefined)).toEqual([]);
  });
}
