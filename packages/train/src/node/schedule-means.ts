import type { Json, Schedule } from '@flowmap/core';

/** Parts of a run that have a mean each. */
const PARTS = 8;

/** Steps of a longer run are taken evenly, so many of them. */
const MOST = 2 ** 22;

/** Digits of a mean: fewer than a double has, as the last ones of a cosine may differ from one machine to another. */
const DIGITS = 10;

/**
 * What a schedule is: the weighted means of its values in equal parts of a run, of every step. The weights differ from
 * step to step, so that values that change places change a mean too.
 *
 * @returns means by the steps that they are of: `{ 'steps 1 to 50': 0.001, … }`
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
 * @returns undefined if it is finite at every step, or at those that are taken of a longer run
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
