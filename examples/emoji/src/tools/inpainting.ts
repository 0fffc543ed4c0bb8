import { consistency, flowMapSampler, inpaint, measurement, optimizeNoise, type Model } from '@flowmap/core';
import { constant, hostTensor, type HostTensor } from '@flowmap/tensor';
import { concatHostTensors, rmsDifference } from './host-tensors.js';
import { pick, type Workshop } from './workshop.js';

/** Emoji to complete, by class and place in it. */
const EMOJI = [
  ['Smileys & Emotion', 90],
  ['Smileys & Emotion', 120],
  ['Animals & Nature', 5],
  ['Food & Drink', 20],
  ['Food & Drink', 12],
  ['Travel & Places', 18],
  ['Objects', 0],
  ['Flags', 12],
] as const;

/** Standard deviation that known pixels are said to have, as a measurement. */
const STD = 0.05;

/** Evaluations of the map with its gradient. */
const EVALUATIONS = 32;

/** How far completed emoji are from the known pixels, by a measurement, which keeps them only about. */
export interface Completions {
  readonly knownError: number;
  readonly evaluations: number;
}

/** Completes emoji of which the right half is missing, in several ways. */
export async function showInpainting({ runtime, data, student, picture }: Workshop): Promise<Completions> {
  const { samples, labels } = await pick(data, EMOJI);
  const side = samples.shape[3]!;
  const mask = hostTensor(
    samples.shape,
    Float32Array.from(samples.data, (_, i) => (i % side < side / 2 ? 1 : 0)),
  );
  const seen = hostTensor(
    samples.shape,
    samples.data.map((value, i) => (mask.data[i] === 1 ? value : 0.4)) as Float32Array,
  );
  const options = { runtime, known: samples, mask, labels };
  const rows = [samples, seen];
  for (const seed of [0, 1])
    rows.push(await inpaint(student, { ...options, seed, sampler: flowMapSampler(), steps: 8 }));
  for (const seed of [0, 1]) {
    rows.push(await inpaint(student, { ...options, seed, sampler: consistency(), steps: 8, repeats: 4 }));
  }
  const measured = await byMeasurement(student, samples, mask, labels, runtime);
  rows.push(measured);
  await picture('inpainting', rows);
  return { knownError: rmsDifference(measured, samples, mask), evaluations: EVALUATIONS };
}

/** The known pixels as a measurement, for each emoji by itself. */
async function byMeasurement(
  student: Model,
  samples: HostTensor,
  mask: HostTensor,
  labels: readonly string[],
  runtime: Workshop['runtime'],
): Promise<HostTensor> {
  const [count = 0, ...shape] = samples.shape;
  const size = samples.data.length / count;
  const completed: HostTensor[] = [];
  for (let i = 0; i < count; i++) {
    const part = ({ data }: HostTensor): Float32Array => data.slice(i * size, (i + 1) * size) as Float32Array;
    const known = constant(part(mask), [1, ...shape]);
    const value = hostTensor(
      shape,
      part(samples).map((pixel, j) => pixel * part(mask)[j]!),
    );
    const reward = measurement({ of: (x) => x.mul(known), value, std: STD });
    const options = { runtime, reward, count: 1, seed: i, labels: [labels[i]!], evaluations: EVALUATIONS };
    completed.push((await optimizeNoise(student, { ...options, steps: 2 })).samples);
  }
  return concatHostTensors(completed);
}
