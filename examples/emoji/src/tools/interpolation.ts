import { flowMapSampler, heun, interpolateSamples, type Walk } from '@flowmap/core';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { pick, type Workshop } from './workshop.js';

/** Where each series begins, by class and place in it. */
const FROM = [
  ['Smileys & Emotion', 90],
  ['Food & Drink', 12],
  ['Flags', 3],
  ['Animals & Nature', 5],
] as const;

/** Where it ends. */
const TO = [
  ['Smileys & Emotion', 130],
  ['Food & Drink', 20],
  ['Flags', 14],
  ['Smileys & Emotion', 100],
] as const;

/** Images in a row. */
const FRAMES = 10;

/** Draws what lies between pairs of emoji. */
export async function showInterpolation({ runtime, data, student, picture }: Workshop): Promise<void> {
  const [from, to] = [await pick(data, FROM), await pick(data, TO)];
  const there: Walk = { sampler: heun(), steps: 16 };
  const { frames } = await interpolateSamples(student, {
    runtime,
    from: from.samples,
    to: to.samples,
    labels: from.labels,
    toLabels: to.labels,
    frames: FRAMES,
    ...there,
    back: { sampler: flowMapSampler(), steps: 4 },
  });
  const size = frames.data.length / FROM.length;
  const rows = FROM.map((_, i): HostTensor => {
    return hostTensor(frames.shape.slice(1), frames.data.slice(i * size, (i + 1) * size) as Float32Array);
  });
  await picture('interpolation', rows);
}
