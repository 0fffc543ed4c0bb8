import type { Runtime } from '../runtime/runtime.js';
import type { Case } from './case.js';
import { compositeCases } from './cases/composites.js';
import { halfCases } from './cases/halves.js';
import { primitiveCases } from './cases/primitives.js';
import type { Errors } from './compare.js';
import type { DerivativeKind } from './derivatives.js';
import { compare, failuresOf, type Comparison } from './suite.js';

/** The errors of a runtime in one primitive, or one group of functions made of primitives. */
export interface Exactness {
  readonly name: string;
  readonly isPrimitive: boolean;
  /**
   * Largest errors over all its cases; a kind is absent if it does not exist: whole numbers and bools have no
   * derivative, and some runtimes lack float16 or bfloat16.
   */
  readonly errors: { readonly [K in DerivativeKind]?: Errors };
  /** Results that differ by more than the contract accepts, in words. */
  readonly failures: readonly string[];
}

/**
 * Measures what the contract suite asserts: every primitive and composite, with its derivatives, on a runtime against
 * an oracle. Those in float16 form one group, and those in bfloat16 another.
 *
 * @param oracle the float64 reference runtime
 * @param tolerance factor on the contract's accepted errors; 1 unless given
 * @param only names of the primitives and groups to measure; all unless given
 */
export async function measureRuntime(
  runtime: Runtime,
  oracle: Runtime,
  tolerance = 1,
  only?: readonly string[],
): Promise<Exactness[]> {
  const measured: Exactness[] = [];
  const measure = async (group: Readonly<Record<string, readonly Case[]>>, isPrimitive: boolean): Promise<void> => {
    for (const [name, cases] of Object.entries(group)) {
      if (only?.includes(name) === false) continue;
      measured.push(exactnessOf(name, isPrimitive, await compare(name, cases, runtime, oracle, tolerance)));
    }
  };
  await measure(primitiveCases, true);
  await measure(compositeCases, false);
  for (const half of ['float16', 'bfloat16'] as const) {
    const name = `all of these in ${half}`;
    const results: Comparison[] = [];
    if (runtime.dtypes.includes(half)) {
      for (const [group, cases] of Object.entries(halfCases(half))) {
        results.push(...(await compare(group, cases, runtime, oracle, tolerance)));
      }
    }
    measured.push(exactnessOf(name, false, results));
  }
  return measured;
}

function exactnessOf(name: string, isPrimitive: boolean, results: readonly Comparison[]): Exactness {
  const errors: { [K in DerivativeKind]?: Errors } = {};
  for (const { kind, errors: found } of results) {
    const { absolute = 0, relative = 0 } = errors[kind] ?? {};
    errors[kind] = { absolute: Math.max(absolute, found.absolute), relative: Math.max(relative, found.relative) };
  }
  return { name, isPrimitive, errors, failures: failuresOf(results) };
}
