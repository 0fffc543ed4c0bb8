import { flowMapSampler, generate, measurement, optimizeNoise, rewardGuided } from '@flowmap/core';
import { averagePool2d, hostTensor, type HostTensor, type Tensor } from '@flowmap/tensor';
import { concatHostTensors, momentsOf, rmsDifference } from './host-tensors.js';
import { pick, type Workshop } from './workshop.js';

/** Emoji to recognise from a few pixels, by class and place in it. */
const EMOJI = [
  ['Smileys & Emotion', 90],
  ['Animals & Nature', 5],
  ['Food & Drink', 20],
  ['Flags', 12],
] as const;

/** Side of the squares that are measured by their mean colour. */
const SQUARE = 4;

/** Standard deviation of these measurements. */
const STD = 0.05;

/** Evaluations of the map with its gradient. */
const EVALUATIONS = 32;

/** Images in a row. */
const COUNT = 12;

/** What rewards and measurements gave. */
export interface Rewards {
  /** Root mean square error of the measured squares, before and after. */
  readonly squares: { readonly before: number; readonly after: number };
  /** Mean blueness, from -2 to 2, of samples in four steps without guidance and with each kind. */
  readonly blueness: { readonly none: number; readonly guidedSteps: number; readonly optimizedNoise: number };
}

/** Samples by measurements and rewards, through the gradient of the student's map. */
export async function showRewards(workshop: Workshop): Promise<Rewards> {
  return { squares: await showSquares(workshop), blueness: await showBlue(workshop) };
}

/** Emoji from the mean colours of squares. */
async function showSquares({ runtime, data, student, picture }: Workshop): Promise<Rewards['squares']> {
  const { samples, labels } = await pick(data, EMOJI);
  const [count = 0, channels = 0, side = 0] = samples.shape;
  const [coarse, found]: [HostTensor[], HostTensor[]] = [[], []];
  for (let i = 0; i < count; i++) {
    const value = squaresOf(rowOf(samples, i));
    const small = hostTensor([channels, side / SQUARE, side / SQUARE], value.data as Float32Array);
    coarse.push(enlarged(value, side));
    const reward = measurement({ of: (x) => averagePool2d(x, SQUARE), value: small, std: STD });
    const options = {
      runtime,
      reward,
      count: 2,
      seed: 10 + i,
      labels: [labels[i]!],
      evaluations: EVALUATIONS,
      steps: 2,
    };
    found.push((await optimizeNoise(student, options)).samples);
  }
  const before = await generate(student, { runtime, count, seed: 10, steps: 2, labels });
  const pairs = concatHostTensors(found);
  const twice = concatHostTensors(EMOJI.flatMap((_, i) => [rowOf(samples, i), rowOf(samples, i)]));
  await picture('squares', [concatHostTensors(EMOJI.flatMap((_, i) => [rowOf(samples, i), coarse[i]!])), pairs]);
  return {
    before: rmsDifference(squaresOf(before), squaresOf(samples)),
    after: rmsDifference(squaresOf(pairs), squaresOf(twice)),
  };
}

/** Smileys and others that are to be blue. */
async function showBlue({ runtime, student, picture }: Workshop): Promise<Rewards['blueness']> {
  const labels = [0, 0, 2, 2, 3, 3, 4, 4, 6, 6, 7, 7].map((label) => student.classes[label] ?? label);
  const request = { runtime, count: COUNT, seed: 0, steps: 4, labels };
  const plain = await generate(student, request);
  const guided = await generate(student, {
    ...request,
    sampler: rewardGuided(flowMapSampler(), { reward: blueness, scale: 0.05, normalize: true }),
  });
  const reward = (x: Tensor): Tensor => blueness(x).mul(20);
  const { samples: optimized } = await optimizeNoise(student, {
    ...{ runtime, reward, count: COUNT, seed: 0, labels, steps: 2, evaluations: EVALUATIONS },
  });
  await picture('blue', [plain, guided, optimized]);
  const mean = (images: HostTensor): number => momentsOf(bluenessOf(images)).mean;
  return { none: mean(plain), guidedSteps: mean(guided), optimizedNoise: mean(optimized) };
}

/** Mean of blue less the mean of red and green, of each image. */
function blueness(x: Tensor): Tensor {
  const [batch = 0, , height = 0, width = 0] = x.shape;
  const channel = (i: number): Tensor => x.slice([0, i, 0, 0], [batch, i + 1, height, width]).mean([1, 2, 3]);
  return channel(2).sub(channel(0).add(channel(1)).mul(0.5));
}

/** The same of numbers. */
function bluenessOf({ data, shape }: HostTensor): number[] {
  const plane = shape[2]! * shape[3]!;
  return Array.from({ length: shape[0]! }, (_, i) => {
    const [red, green, blue] = [0, 1, 2].map((channel) => {
      const first = (3 * i + channel) * plane;
      return momentsOf(data.subarray(first, first + plane)).mean;
    });
    return blue! - (red! + green!) / 2;
  });
}

/** Mean colours of the squares of images. */
function squaresOf({ data, shape }: HostTensor): HostTensor {
  const [count = 0, channels = 0, side = 0] = shape;
  const cells = side / SQUARE;
  const means = new Float32Array(count * channels * cells ** 2);
  for (const [i, value] of data.entries()) {
    const [row, column] = [Math.floor((i % side ** 2) / side), i % side];
    const cell = Math.floor(row / SQUARE) * cells + Math.floor(column / SQUARE);
    means[Math.floor(i / side ** 2) * cells ** 2 + cell]! += value / SQUARE ** 2;
  }
  return hostTensor([count, channels, cells, cells], means);
}

/** One image of squares, as large as the emoji. */
function enlarged({ data, shape }: HostTensor, side: number): HostTensor {
  const [, channels = 0, cells = 0] = shape;
  const pixels = Float32Array.from({ length: channels * side ** 2 }, (_, i) => {
    const [row, column] = [Math.floor((i % side ** 2) / side), i % side];
    const cell = Math.floor(row / SQUARE) * cells + Math.floor(column / SQUARE);
    return data[Math.floor(i / side ** 2) * cells ** 2 + cell]!;
  });
  return hostTensor([1, channels, side, side], pixels);
}

function rowOf(tensor: HostTensor, i: number): HostTensor {
  const size = tensor.data.length / tensor.shape[0]!;
  return hostTensor([1, ...tensor.shape.slice(1)], tensor.data.slice(i * size, (i + 1) * size) as Float32Array);
}
