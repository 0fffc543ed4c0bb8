import { expect, it } from 'vitest';
import type { Runtime } from '../../runtime/runtime.js';
import { compareSpecialValues } from './compare.js';
import { specialLimitOf, type SpecialLimit } from './limits.js';

/**
 * NaN, infinities, zeros, the largest and the smallest numbers in each operand of every primitive: except for its
 * limits, a runtime gives what IEEE arithmetic, as used by the oracle, gives.
 *
 * @param limits in addition to the known ones
 */
export function describeSpecialValues(
  runtime: () => Runtime,
  oracle: () => Runtime,
  limits: readonly SpecialLimit[] = [],
): void {
  // One program per dtype, whose kernels take a software GPU a minute to compile on a busy machine.
  it('special numbers in each operand of every primitive', { timeout: 300_000 }, async () => {
    const results = await compareSpecialValues(runtime(), oracle());
    const found = results.flatMap(({ differences }) => differences);
    const { name } = runtime();
    expect(found.filter((difference) => specialLimitOf(name, difference, limits) === undefined)).toEqual([]);
  });
}
