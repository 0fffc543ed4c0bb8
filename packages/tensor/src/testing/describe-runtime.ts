import { beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../runtime/runtime.js';
import { compositeCases } from './cases/composites.js';
import { halfCases } from './cases/halves.js';
import { primitiveCases } from './cases/primitives.js';
import { describeHalves } from './executable/halves.js';
import { describeMemory } from './executable/memory.js';
import { describeOverlap } from './executable/overlap.js';
import { describePrograms } from './executable/programs.js';
import { describeRefusals } from './executable/refusals.js';
import { describeSharing } from './executable/sharing.js';
import { describeState } from './executable/state.js';
import { describeSteps } from './executable/steps.js';
import { requireKnownOptions } from '../options.js';
import { describeSpecialValues } from './special/describe.js';
import type { SpecialLimit } from './special/limits.js';
import { disagreements } from './suite.js';

/** How a runtime is checked. */
export interface RuntimeContract {
  /** The runtime to compare with: the float64 reference runtime. */
  readonly oracle: () => Runtime | Promise<Runtime>;
  /** Factor on the accepted errors, for a back end with less than float32 precision; 1 unless given. */
  readonly tolerance?: number;
  /**
   * Primitives and groups of functions whose values and derivatives are compared; all unless given. Useful for slow
   * devices.
   */
  readonly only?: readonly string[];
  /**
   * Special numbers (NaN, infinities …) that the back end does not handle correctly, with the reasons; none unless
   * given.
   */
  readonly limits?: readonly SpecialLimit[];
}

/**
 * The contract of a runtime, as vitest suites: every primitive and the functions that networks are made of give the
 * oracle's values, JVPs, gradients and second derivatives, in float16 and bfloat16 as well unless programs that have
 * these are refused; so does every primitive on NaN, infinities, zeros, and the largest and smallest numbers; and
 * executables keep and share state, copy, take turns and reject as the interface says.
 *
 * @param name title of the suites
 * @param makeRuntime called once
 *
 * @example
 * describeRuntime('my runtime', () => myRuntime(), { oracle: referenceRuntime });
 */
export function describeRuntime(
  name: string,
  makeRuntime: () => Runtime | Promise<Runtime>,
  options: RuntimeContract,
): void {
  requireKnownOptions('describeRuntime', options, { oracle: true, tolerance: true, only: true, limits: true });
  const { oracle: makeOracle, tolerance = 1, only, limits } = options;
  const chosen = <T>(cases: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(cases).filter(([key]) => only?.includes(key) ?? true);
  describe(name, () => {
    let runtime: Runtime;
    let oracle: Runtime;
    beforeAll(async () => {
      runtime = await makeRuntime();
      oracle = await makeOracle();
    });

    describe('values and derivatives', () => {
      it.each(chosen(primitiveCases))('primitive %s', async (primitive, cases) => {
        expect(await disagreements(primitive, cases, runtime, oracle, tolerance)).toEqual([]);
      });
      it.each(chosen(compositeCases))('%s', async (group, cases) => {
        expect(await disagreements(group, cases, runtime, oracle, tolerance)).toEqual([]);
      });
    });

    // A runtime that lacks a half refuses it, which is tested below.
    it.each(['float16', 'bfloat16'] as const)(
      'values and derivatives in %s, if it has it',
      { timeout: 300_000 },
      async (half) => {
        if (!runtime.dtypes.includes(half)) return;
        for (const [group, cases] of chosen(halfCases(half))) {
          expect(await disagreements(group, cases, runtime, oracle, tolerance), group).toEqual([]);
        }
      },
    );

    const current = (): Runtime => runtime;
    if (only === undefined) describeSpecialValues(current, () => oracle, limits);
    describeState(current, () => oracle);
    describeSteps(current);
    describeSharing(current, () => oracle);
    describeOverlap(current);
    describeMemory(current);
    describePrograms(current);
    describeRefusals(current);
    describeHalves(current);
  });
}
