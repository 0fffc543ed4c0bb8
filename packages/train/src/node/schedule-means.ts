import type { Json, Schedule } from '@flowmap/core';

/** Number of parts of a run, each with its own mean. */
const PARTS = 8;

/** Number of steps used for a longer run, spread evenly. */
const MOST = 2 ** 22;

/** Digits of a mean: fewer than those of a double, as the last ones of a cosine may differ between machines. */
const DIGITS = 10;

/**
 * What identifies a schedule: weighted means of its values over all steps in each of several equal parts of a run. The
 * weights differ from step to step, so that exchanging two values changes a mean too.
 *
 * @returns the means by the steps that they cover: `{ 'steps 1 to 50': 0.001, … }`
 */
export function scheduleMeans(schedule: Schedule, iterations: number): Record<string, Json> {
  const parts = Math.min(PARTS, iterations);
  const stride = Math.ceil(iterations / MOST);
  const ends = Array.from({ length: parts + 1 }, (_, part) => Math.floor((iterations * part) / parts));
  const means = ends.slice(1).map((end, part): [string, Json] => {
    const first = ends[part]!;
    let [sum, weights] = [0, 0];
    for (let step = first; step < end; step += stride) {
      const weight = 1 + ((step * GOLDEN) % 1);
      sum += weight * schedule({ step, iterations });
      weights += weight;
    }
    const mean = sum / weights;
    return [`steps ${first + 1} to ${end}`, Number.isFinite(mean) ? Number(mean.toPrecision(DIGITS)) : String(mean)];
  });
  return Object.fromEntries(means);
}

/**
 * The first step at which a schedule is not finite, from 0, and its value there.
 *
 * @returns undefined if it is finite at every step, or at those used for a longer run
 */
export function firstNonFinite(
  schedule: Schedule,
  iterations: number,
): { readonly step: number; readonly value: number } | undefined {
  const stride = Math.ceil(iterations / MOST);
  for (let step = 0; step < iterations; step += stride) {
    const value = schedule({ step, iterations });
    if (!Number.isFinite(value)) return { step, value };
  }
  return undefined;
}

/** Multiples of the golden ratio's fraction are spread evenly, without a period. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
