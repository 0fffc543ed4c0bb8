import { datasetBatches, nearestNeighbours } from '@flowmap/eval';
import { flowMapSampler, normalBatch, type Dataset, type Model } from '@flowmap/core';
import { encodeImageGrid } from '@flowmap/data/node';
import { hostTensor, sizeOf, type HostTensor, type Runtime } from '@flowmap/tensor';
import { sampleFixedNoises } from './evaluate.js';

/** Number of images in a row. */
const COLUMNS = 12;
/** Number of paths from one noise to another. */
const WAYS = 3;
/** Number of the student's steps, with which its samples are best. */
const STEPS = 4;

/** Pictures that show whether a student has memorised the data, and whether its map is smooth. */
export interface Looks {
  /** Samples, and below each the image of the data nearest to it; PNG. */
  readonly neighbours: Uint8Array;
  /** The distances between them: root mean square differences in the data's units. */
  readonly distances: readonly number[];
  /** Samples along great circles from one noise to another, one row for each; PNG. */
  readonly interpolations: Uint8Array;
}

/** What to draw. */
export interface LooksOptions {
  readonly runtime: Runtime;
  readonly data: Dataset;
  readonly student: Model;
  readonly signal?: AbortSignal;
}

/**
 * Draws samples with their nearest neighbours in the data, and paths from noise to noise, each in one
 * class.
 *
 * @throws the signal's reason when it fires
 */
export async function drawLooks({ runtime, data, student, signal }: LooksOptions): Promise<Looks> {
  const common = { runtime, batchSize: COLUMNS, ...(signal ? { signal } : {}) };
  const [samples] = await sampleFixedNoises(student, flowMapSampler(), [STEPS], { ...common, count: COLUMNS });
  const { neighbours, samples: nearest } = await nearestNeighbours(samples!, datasetBatches(data));
  const noise = noiseWays(student.network.config.shape);
  const labels = Int32Array.from({ length: WAYS * COLUMNS }, (_, i) => {
    return Math.floor(i / COLUMNS) % Math.max(1, student.classes.length);
  });
  const [along] = await sampleFixedNoises(student, flowMapSampler(), [STEPS], { ...common, noise, labels });
  return {
    neighbours: await picture([samples!, nearest]),
    distances: neighbours.map(({ distance }) => distance),
    interpolations: await picture([along!]),
  };
}

/** Noises along great circles, `[WAYS * COLUMNS, ...shape]`: each as normal as its ends. */
export function noiseWays(shape: readonly number[]): HostTensor {
  const size = sizeOf(shape);
  const ends = normalBatch({ seed: 0, purpose: 'interpolation' }, [2 * WAYS, ...shape]);
  const out = new Float32Array(WAYS * COLUMNS * size);
  for (let way = 0; way < WAYS; way++) {
    const [a, b] = [0, 1].map((end) => ends.subarray((2 * way + end) * size, (2 * way + end + 1) * size));
    for (let i = 0; i < COLUMNS; i++) {
      out.set(slerp(a!, b!, i / (COLUMNS - 1)), (way * COLUMNS + i) * size);
    }
  }
  return hostTensor([WAYS * COLUMNS, ...shape], out);
}

/** Spherical interpolation (Shoemake, 1985) by the angle between two vectors, with lengths between theirs. */
export function slerp(a: Float32Array, b: Float32Array, share: number): Float32Array {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const sine = Math.sin(angle);
  const [ofA, ofB] =
    sine < 1e-6 ? [1 - share, share] : [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
  return a.map((value, i) => ofA * value + ofB * b[i]!);
}

function picture(parts: readonly HostTensor[]): Promise<Uint8Array> {
  const [, ...shape] = parts[0]!.shape;
  const images = Float32Array.from(parts.flatMap(({ data }) => Array.from(data)));
  return encodeImageGrid({ images, shape, columns: COLUMNS, scale: 1, gap: 2 });
}
