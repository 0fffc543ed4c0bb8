import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, it } from 'vitest';
import { hostTensor, type HostTensor } from '../runtime/host-tensor.js';
import { logSoftmax, logSumExp } from './log-sum-exp.js';
import type { Tensor } from '../graph/tensor.js';
import { evaluate } from '../testing/index.js';
import { grad } from '../autodiff/vjp.js';

const runtime = referenceRuntime();
const vector = (...values: number[]): HostTensor => hostTensor([values.length], Float64Array.from(values));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

it('logSumExp is finite even where exponentials are not', async () => {
  expect(await values((x) => logSumExp(x), vector(1000, 1000))).toEqual([1000 + Math.LN2]);
  expect(await values((x) => logSumExp(x), vector(-1000, -1000))).toEqual([-1000 + Math.LN2]);
  expect(await values((x) => logSumExp(x, [0], true), vector(3))).toEqual([3]);
});

it('the gradient of logSumExp is softmax, and logSoftmax its logarithm', async () => {
  const x = vector(0.3, -1.2, 2);
  const softmax = await values((x) => x.softmax(), x);
  const gradient = await values((x) => grad((y) => logSumExp(y), [x])[0]!, x);
  const logarithm = await values((x) => logSoftmax(x), x);
  softmax.forEach((p, i) => {
    expect(gradient[i]).toBeCloseTo(p, 14);
    expect(logarithm[i]).toBeCloseTo(Math.log(p), 14);
  });
  expect(await values((x) => logSoftmax(x), vector(0, -2000))).toEqual([0, -2000]);
});
