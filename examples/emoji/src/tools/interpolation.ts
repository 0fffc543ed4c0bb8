import { flowMapSampler, heun, interpolateSamples, type Walk } from '@flowmap/core';
import { hostTensor, type HostTensor } from '@flowmap/tensor';
import { choose, type Workshop } from './workshop.js';

/** Pairs of emoji, by their indices. */
const PAIRS = [[0, 63], [15, 98], [518, 560], [640, 700]] as const; // prettier-ignore

/** Images in a row. */
const FRAMES = 10;

/** Draws what lies between pairs of emoji. */
export async function showInterpolation({ runtime, data, student, picture }: Workshop): Promise<void> {
  const [from, to] = [await choose(data, PAIRS.map(([a]) => a)), await choose(data, PAIRS.map(([, b]) => b))]; // prettier-ignore
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
  const size = frames.data.length / PAIRS.length;
  const rows = PAIRS.map((_, i): HostTensor => {
    return hostTensor(frames.shape.slice(1), frames.data.slice(i * size, (i + 1) * size) as Float32Array);
  });
  await picture('interpolation', rows);
}
