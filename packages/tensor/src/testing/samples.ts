import type { DType, TensorSpec } from '../graph/dtype.js';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { normals, uniforms } from '../random/random.js';
import { sizeOf, type Shape } from '../graph/shape.js';

/** An argument of a test case: shape, dtype, and values that depend on a seed only. */
export interface Sample extends TensorSpec {
  draw(seed: number): HostTensor;
}

const float = (shape: Shape, values: (seed: number, count: number) => ArrayLike<number>): Sample => ({
  shape,
  dtype: 'float32',
  // Rounded to float32, so that every precision computes from the same numbers.
  draw: (seed) => hostTensor(shape, Float32Array.from(values(seed, sizeOf(shape)))),
});

/** The same numbers, rounded to another float. */
export function as(dtype: DType, sample: Sample): Sample {
  return { shape: sample.shape, dtype, draw: (seed) => hostTensor(sample.shape, sample.draw(seed).data, dtype) };
}

/** Standard normal numbers. */
export function normal(shape: Shape): Sample {
  return float(shape, (seed, count) => normals({ seed, purpose: 'sample' }, count));
}

/** Uniform numbers in [0.5, 2), where logarithms, roots and reciprocals are tame. */
export function positive(shape: Shape): Sample {
  return float(shape, (seed, count) => uniforms({ seed, purpose: 'sample' }, count).map((u) => 0.5 + 1.5 * u));
}

/** Numbers of either sign with magnitudes in [0.5, 1.5): away from kinks and poles at zero. */
export function awayFromZero(shape: Shape): Sample {
  return float(shape, (seed, count) =>
    uniforms({ seed, purpose: 'sample' }, count).map((u) => (u < 0.5 ? 2 * u - 1.5 : 2 * u - 0.5)),
  );
}

/**
 * Multiples of 1/4 plus `shift`, no two alike, in random order. Two samples with different shifts in [0, 1/4) share no
 * value, so no comparison comes near a tie.
 */
export function distinct(shape: Shape, shift = 0): Sample {
  return float(shape, (seed, count) => {
    const order = uniforms({ seed, purpose: 'order' }, count);
    const ranks = Array.from(order.keys()).sort((a, b) => order[a]! - order[b]!);
    return ranks.map((rank) => (rank - Math.floor(count / 2)) / 4 + shift);
  });
}

/** The given numbers, whatever the seed. */
export function fixed(shape: Shape, values: readonly number[]): Sample {
  return float(shape, () => values);
}

/** Whole numbers in [from, to), int32. */
export function integers(shape: Shape, from: number, to: number): Sample {
  return {
    shape,
    dtype: 'int32',
    draw: (seed) => {
      const u = uniforms({ seed, purpose: 'sample' }, sizeOf(shape));
      return hostTensor(
        shape,
        Int32Array.from(u, (x) => Math.floor(from + (to - from) * x)),
      );
    },
  };
}

/** Fair coins, bool. */
export function coins(shape: Shape): Sample {
  return {
    shape,
    dtype: 'bool',
    draw: (seed) => {
      const u = uniforms({ seed, purpose: 'sample' }, sizeOf(shape));
      return hostTensor(
        shape,
        Uint8Array.from(u, (x) => (x < 0.5 ? 1 : 0)),
      );
    },
  };
}
