import { frechetDistance, frechetReference, momentsOf, features, type Moments } from '@flowmap/eval';
import { median } from '@flowmap/example-common';
import { hostTensor, normals } from '@flowmap/tensor';

/**
 * Times Fréchet distances on one thread, in processor time, which other processes hardly affect; prints a table in
 * Markdown.
 *
 * @param width numbers per sample
 * @param rounds number of rounds of all parts
 */
export function timeFrechetDistance(width: number, rounds: number): void {
  const [generated, reference] = [1, 2].map((seed) => randomMoments(seed, width)) as [Moments, Moments];
  const [prepare, distance]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    const prepared = frechetReference(reference);
    prepare.push(secondsSince(start));
    const next = process.cpuUsage();
    frechetDistance(generated, prepared);
    distance.push(secondsSince(next));
  }
  console.log(`\nFréchet distance of ${width} features\n`);
  console.log('| part | first s | median s |');
  console.log('| --- | ---: | ---: |');
  for (const [part, times] of [
    ['prepare the reference', prepare],
    ['distance', distance],
    ['both', prepare.map((time, i) => time + distance[i]!)],
  ] as const) {
    console.log(`| ${part} | ${times[0]!.toFixed(1)} | ${median(times).toFixed(1)} |`);
  }
  console.log(`\npeak memory of the process: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
}

/** Moments of full rank. */
function randomMoments(seed: number, width: number): Moments {
  const count = width + 512;
  const values = normals({ seed, purpose: 'benchmark' }, count * width);
  for (let i = 0; i < values.length; i++) values[i]! *= 1 / (1 + (i % width) / 64);
  return momentsOf(features(hostTensor([count, width], Float32Array.from(values))));
}

/** Seconds of processor time, including garbage collection. */
function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}
