import { hostTensor, isFloat, isHalf, uniforms, type HalfDType } from '@flowmap/tensor';
import type { Case, Sample } from '@flowmap/tensor/testing';

/** A case with its floats in float16 or bfloat16. */
export function inHalf(half: HalfDType, case_: Case): Case {
  const rounded = (sample: Sample): Sample => ({
    shape: sample.shape,
    dtype: half,
    draw: (seed) => hostTensor(sample.shape, sample.draw(seed).data, half),
  });
  return { ...withFloats(case_, rounded), name: `${case_.name}, ${half}`, half };
}

const specials = [NaN, Infinity, -Infinity, 0, -0];

/** A case with infinities, NaN and zeros of both signs among its floats. */
export function withSpecials(case_: Case): Case {
  const mixed = (sample: Sample): Sample => ({
    ...sample,
    draw: (seed) => {
      const host = sample.draw(seed);
      const u = uniforms({ seed, purpose: 'specials' }, host.data.length);
      const values = Array.from(host.data, (value: number, i) => specials[Math.floor(20 * u[i]!)] ?? value);
      return isHalf(sample.dtype) ? host : hostTensor(sample.shape, values, sample.dtype);
    },
  });
  return { ...withFloats(case_, mixed), name: `${case_.name}, special values` };
}

function withFloats(case_: Case, change: (sample: Sample) => Sample): Case {
  return { ...case_, args: case_.args.map((sample) => (isFloat(sample.dtype) ? change(sample) : sample)) };
}
