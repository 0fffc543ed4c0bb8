import { hostTensor, isFloat, uniforms, type FloatDType, type HalfDType } from '@flowmap/tensor';
import type { Case, Sample } from '@flowmap/tensor/testing';

/** A case with floats in float16 or bfloat16. */
export function inHalf(half: HalfDType, case_: Case): Case {
  const rounded = (sample: Sample): Sample => ({
    shape: sample.shape,
    dtype: half,
    draw: (seed) => hostTensor(sample.shape, sample.draw(seed).data, half),
  });
  return { ...withFloats(case_, rounded), name: `${case_.name}, ${half}`, half };
}

/**
 * For each float type: a quarter of the largest number, whose double is finite, the smallest normal number and the
 * smallest number.
 */
const ends: Readonly<Record<FloatDType, readonly [number, number, number]>> = {
  float32: [(2 - 2 ** -23) * 2 ** 125, 2 ** -126, 2 ** -149],
  float16: [65504 / 4, 2 ** -14, 2 ** -24],
  bfloat16: [(2 - 2 ** -7) * 2 ** 125, 2 ** -126, 2 ** -133],
};

/** Kinds of special numbers: those without digits, the largest, and the smallest, including denormals. */
export type Special = 'open' | 'largest' | 'smallest';

function specialsOf(dtype: FloatDType, kinds: readonly Special[]): number[] {
  const [largest, normal, smallest] = ends[dtype];
  const numbers: Readonly<Record<Special, readonly number[]>> = {
    open: [NaN, Infinity, -Infinity, 0, -0],
    largest: [largest, -largest],
    smallest: [normal, -normal, smallest, -smallest, 0.75 * normal],
  };
  return kinds.flatMap((kind) => numbers[kind]);
}

/** A case in which a quarter of the floats are special numbers of some kinds, all unless given. */
export function withSpecials(case_: Case, kinds: readonly Special[] = ['open', 'largest', 'smallest']): Case {
  const mixed = (sample: Sample): Sample => ({
    ...sample,
    draw: (seed) => {
      const host = sample.draw(seed);
      const u = uniforms({ seed, purpose: 'specials' }, host.data.length);
      const specials = specialsOf(sample.dtype as FloatDType, kinds);
      const chosen = (i: number): number | undefined => specials[Math.floor(4 * specials.length * u[i]!)];
      const values = Array.from(host.data, (value: number, i) => chosen(i) ?? value);
      return hostTensor(sample.shape, values, sample.dtype);
    },
  });
  return { ...withFloats(case_, mixed), name: `${case_.name}, special values` };
}

function withFloats(case_: Case, change: (sample: Sample) => Sample): Case {
  return { ...case_, args: case_.args.map((sample) => (isFloat(sample.dtype) ? change(sample) : sample)) };
}
