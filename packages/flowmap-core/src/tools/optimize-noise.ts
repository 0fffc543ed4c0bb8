import {
  full,
  gradients,
  hostTensor,
  hostZeros,
  normalBatch,
  or,
  requireKnownOptions,
  requireRuntime,
  requireWhole,
  select,
  sizeOf,
  type Executable,
  type Feeds,
  type HostTensor,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { withPrefix } from '../internal/names.js';
import { checkedModel, pathOf, type Model } from '../models/model.js';
import { perSample } from '../path.js';
import { carriedStep, firstCarry } from '../samplers/carried-step.js';
import { compileField } from '../samplers/compile-field.js';
import { samplerOf } from '../samplers/compile-sampler.js';
import { checkedRows, rowsOf } from '../samplers/rows.js';
import { batchSizeOf, requireSamples, rowsFor, walkOf, type ToolOptions, type Walk, type WalkOf } from './options.js';
import { checkedValue, rewardOf, type Reward } from './reward.js';

/** Options of {@link optimizeNoise}. */
export interface OptimizeNoiseOptions extends ToolOptions, Walk {
  /** What samples shall have much of: a function of them, or a {@link measurement}. */
  readonly reward: Reward | Reward['value'];
  /** Number of samples; in place of `noise`. */
  readonly count?: number;
  /** The noises to stay close to, float32 `[count, ...shape]`, such as those of {@link invert}; in place of `count`. */
  readonly noise?: HostTensor;
  /**
   * Seed of noise and of the errors of a measurement, a whole number in [0, 2^53); required unless `noise` is given and
   * the reward takes none.
   */
  readonly seed?: number;
  /**
   * Equal steps from noise to data, through all of which the gradient goes back; 1 for samplers that follow a flow map
   * and 8 for others unless given.
   */
  readonly steps?: number;
  /** How often the map is evaluated with its gradient, at least 1; 16 unless given. */
  readonly evaluations?: number;
}

/** Samples with much of a reward. */
export interface OptimizedNoise {
  /** `[count, ...shape]`. */
  readonly samples: HostTensor;
  /** The noises that lead to them. */
  readonly noise: HostTensor;
  /** Reward of each sample. */
  readonly reward: Float64Array;
  /** Reward of the samples to which the first noises lead. */
  readonly startReward: Float64Array;
}

/**
 * Samples guided by a reward or a measurement, by moving their noise: from a normal noise `z_0`, gradient descent on
 *
 *     |z - z_0|² / 2 - r(f(z, 1, 0))
 *
 * through the flow map, so that samples gain reward and stay samples of the model (Eyring et al., "ReNO: Enhancing
 * one-step text-to-image models through reward-based noise optimization", 2024, keep the noise by its length instead).
 * The length of a move is that of Barzilai & Borwein (1988), for each sample on its own, and moves that make things
 * worse are taken back.
 *
 * With a {@link measurement}, whose value is also perturbed by an error of its own in each sample, this is
 * randomize-then-optimize (Bardsley et al., 2014): for a linear measurement and a linear map, as that of Gaussian data,
 * the samples have exactly the posterior distribution given the measurement; else about that.
 *
 * @throws {ConfigError} for an unknown option, neither or both of `count` and `noise`, no seed where noise is drawn, a
 *   sampler that draws noise, counts that are not whole numbers >= 1, or conditions that the network lacks or does not
 *   take
 * @throws {ShapeError} for noise that is not float32 `[count, ...shape]`, or a reward that is not `[batch]`
 *
 * @example
 * const green = (x: Tensor) => x.slice([0, 1, 0, 0], [x.shape[0]!, 2, 24, 24]).mean([1, 2, 3]).mul(500);
 * const { samples } = await optimizeNoise(animals, { runtime, reward: green, count: 8, seed: 0, labels: ['cat'] });
 */
export async function optimizeNoise(given: Model, options: OptimizeNoiseOptions): Promise<OptimizedNoise> {
  requireKnownOptions('optimizeNoise', options, {
    runtime: true,
    reward: true,
    count: true,
    noise: true,
    seed: true,
    evaluations: true,
    sampler: true,
    steps: true,
    labels: true,
    guidance: true,
    batchSize: true,
  });
  const { runtime, seed, evaluations = 16 } = options;
  requireRuntime('runtime', runtime);
  const model = checkedModel('model', given);
  const reward = rewardOf(options.reward);
  if (seed !== undefined || options.noise === undefined || reward.noise) requireWhole('optimizeNoise.seed', seed, 0);
  requireWhole('optimizeNoise.evaluations', evaluations);
  const anchors = anchorsOf(options, model);
  const [count = 0, ...shape] = anchors.shape;
  const walk = walkOf('optimizeNoise', model, { ...options, steps: stepsOf(model, options) });
  const batchSize = batchSizeOf(options, count);
  const rows = checkedRows(model.network, { noise: anchors, conditions: rowsFor(model, options, count) });
  const executable = await compileMove(runtime, model, { walk, reward, batchSize });
  const array = runtime.precision === 'float64' ? Float64Array : Float32Array;
  const size = sizeOf(shape);
  const result = {
    samples: hostTensor(anchors.shape, new array(count * size)),
    noise: hostTensor(anchors.shape, new array(count * size)),
    reward: new Float64Array(count),
    startReward: new Float64Array(count),
  };
  try {
    for (let first = 0; first < count; first += batchSize) {
      const live = Math.min(batchSize, count - first);
      const data = new array(batchSize * size);
      data.set(anchors.data.subarray(first * size, (first + live) * size));
      const anchor = hostTensor([batchSize, ...shape], data);
      await executable.writeState({ anchor });
      if (reward.noise) {
        const errors = new array(batchSize * sizeOf(reward.noise));
        errors.set(normalBatch({ seed: seed!, purpose: 'measurement' }, [live, ...reward.noise], first));
        await executable.writeState({ errors: hostTensor([batchSize, ...reward.noise], errors) });
      }
      const conditions = withPrefix('conditions', rowsOf(rows, first, batchSize));
      const best = await descend(executable, anchor, conditions, evaluations);
      result.samples.data.set(best.samples.subarray(0, live * size), first * size);
      result.noise.data.set(best.noise.subarray(0, live * size), first * size);
      result.reward.set(best.reward.subarray(0, live), first);
      result.startReward.set(best.startReward.subarray(0, live), first);
    }
    return result;
  } finally {
    await executable.dispose();
  }
}

function stepsOf(model: Model, { sampler = samplerOf(model), steps }: Walk): number {
  return steps ?? (sampler.needs.interval ? 1 : 8);
}

function anchorsOf({ count, noise, seed }: OptimizeNoiseOptions, model: Model): HostTensor {
  if ((count === undefined) === (noise === undefined)) {
    throw new ConfigError(
      'optimizeNoise.count',
      `wanted it, or \`noise\` in its place; got ${count === undefined ? 'neither' : 'both'}`,
    );
  }
  if (noise !== undefined) {
    requireSamples('optimizeNoise, noise', noise, model);
    return noise;
  }
  requireWhole('optimizeNoise.count', count);
  const shape = [count!, ...model.network.config.shape];
  return hostTensor(shape, normalBatch({ seed: seed!, purpose: 'noise' }, shape));
}

/** Root mean square length of a sample's first move. */
const FIRST_MOVE = 0.05;

/** The most by which a move is longer, in units of its gradient, than the one before, with a curvature to go by. */
const REACH = 100;

/** By how much it is longer without. */
const GROWTH = 4;

/** By how much a move is shorter at least after one that was taken back; the least of a parabola is then as far or nearer. */
const SHRINK = 0.5;

/** Avoids division by zero where there is no slope. */
const SMALLEST = 1e-30;

/**
 * Compiles the program of one move. It evaluates the place to which the gradient at the best place so far leads, and
 * keeps the better of both. `length` is the move's length in units of the gradient; 0 in the first run, which evaluates
 * the anchor.
 */
function compileMove(
  runtime: Runtime,
  model: Model,
  { walk: { sampler, times }, reward, batchSize }: MoveOptions,
): Promise<Executable> {
  const points = [batchSize, ...model.network.config.shape];
  const inputs = {
    noise: points,
    gradient: points,
    samples: points,
    objective: [batchSize],
    length: [batchSize],
    reward: [batchSize],
  };
  const state = { anchor: points, ...(reward.noise ? { errors: [batchSize, ...reward.noise] } : {}) };
  const path = pathOf(model);
  return compileField(runtime, 'noise optimization', model, { batchSize, inputs, state }, (field, tensors) => {
    const held = tensors as Record<keyof typeof inputs | keyof typeof state, Tensor>;
    const { noise, gradient, samples, objective, length, anchor } = held;
    const trial = noise.sub(perSample(length, noise).mul(gradient));
    let data = trial;
    let carry = firstCarry(sampler, points);
    for (let i = 0; i + 1 < times.length; i++) {
      const [t, s] = [full(times[i]!, [batchSize]), full(times[i + 1]!, [batchSize])];
      ({ x: data, carry } = carriedStep(sampler.step(field, data, t, s, { path, carry })));
    }
    const far = dot(trial.sub(anchor), trial.sub(anchor)).mul(0.5);
    const found = far.sub(checkedValue(reward, data, tensors['errors']));
    const [slope] = gradients(found.sum(), [trial]);
    const isFirst = length.equal(0);
    const isBetter = or(isFirst, found.less(objective));
    // Barzilai and Borwein: the inverse of the curvature along the move, |dz|² / (dz . dg).
    const [dz, dg] = [trial.sub(noise), slope!.sub(gradient)];
    const curvature = dot(dz, dg);
    const isConvex = curvature.greater(0);
    const fitted = dot(dz, dz)
      .div(select(isConvex, curvature, 1))
      .minimum(length.mul(REACH));
    const next = select(isConvex, fitted, length.mul(GROWTH));
    const longest = select(isBetter, next, length.mul(SHRINK));
    const steepness = dot(slope!, slope!)
      .mul(1 / sizeOf(points.slice(1)))
      .sqrt();
    const mask = (tensor: Tensor): Tensor => perSample(isBetter, tensor).broadcastTo(tensor.shape);
    const keep = (better: Tensor, old: Tensor): Tensor => select(mask(old), better, old);
    return {
      noise: keep(trial, noise),
      gradient: keep(slope!, gradient),
      samples: keep(data, samples),
      objective: keep(found, objective),
      reward: keep(checkedValue(reward, data), tensors['reward']!),
      length: select(isFirst, full(FIRST_MOVE).div(steepness.maximum(SMALLEST)), next.minimum(longest)),
    };
  });
}

/** Best place of each sample of a batch. */
interface Best {
  readonly samples: HostTensor['data'];
  readonly noise: HostTensor['data'];
  readonly reward: HostTensor['data'];
  readonly startReward: HostTensor['data'];
}

interface MoveOptions {
  readonly walk: WalkOf;
  readonly reward: Reward;
  readonly batchSize: number;
}

/** Runs the moves from the anchor. */
async function descend(executable: Executable, anchor: HostTensor, conditions: Feeds, moves: number): Promise<Best> {
  const { inputs } = executable.program;
  const names = Object.keys(executable.program.outputs);
  let held: Feeds = Object.fromEntries(names.map((name) => [name, hostZeros(inputs[name]!)]));
  held = { ...held, noise: anchor };
  let startReward: HostTensor['data'] | undefined;
  const read = async (name: string): Promise<HostTensor['data']> => {
    const tensor = held[name]!;
    return 'read' in tensor ? (await tensor.read()).data : tensor.data;
  };
  try {
    for (let i = 0; i < moves; i++) {
      const next = await executable.run({ ...conditions, ...held });
      release(held);
      held = next;
      startReward ??= await read('reward');
    }
    const [samples, noise, reward] = [await read('samples'), await read('noise'), await read('reward')];
    return { samples, noise, reward, startReward: startReward! };
  } finally {
    release(held);
  }
}

function release(tensors: Feeds): void {
  for (const tensor of Object.values(tensors)) if ('dispose' in tensor) tensor.dispose();
}

/** Sum of the products of each sample's values. */
function dot(a: Tensor, b: Tensor): Tensor {
  return a.mul(b).sum(a.shape.map((_, axis) => axis).slice(1));
}
