import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, it } from 'vitest';
import { clamp, tile } from './functions.js';
import { hostTensor, type HostTensor } from './host-tensor.js';
import { bind, constant, input, type Tensor } from './tensor.js';
import { evaluate } from './testing/index.js';
import { grad } from './vjp.js';

const runtime = referenceRuntime();
const vector = (...values: number[]): HostTensor => hostTensor([values.length], Float64Array.from(values));
const values = async (f: (...args: Tensor[]) => Tensor, ...args: HostTensor[]): Promise<number[]> =>
  Array.from((await evaluate(runtime, f, args)).data);

it('sums, orders and picks along an axis', async () => {
  const x = vector(3, 1, 2);
  expect(await values((x) => x.cumsum(0), x)).toEqual([3, 4, 6]);
  expect(await values((x) => x.cumsum(0, { exclusive: true }), x)).toEqual([0, 3, 4]);
  expect(await values((x) => x.cumsum(0, { exclusive: true, reverse: true }), x)).toEqual([3, 2, 0]);
  expect(await values((x) => x.argMax(0), x)).toEqual([0]);
  expect(await values((x) => x.argMin(-1), x)).toEqual([1]);
  expect(await values((x) => x.min(), x)).toEqual([1]);
  expect(await values((x) => x.flip([0]), x)).toEqual([2, 1, 3]);
  expect(await values((x) => clamp(x, 1.5, 2.5), x)).toEqual([2.5, 1.5, 2]);
  expect(await values((x) => tile(x.reshape([1, 3]), [2, 2]), x)).toEqual([3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2]);
});

it('scatterAdd sums the rows of one index and is the adjoint of gather', async () => {
  const indices = constant([2, 0, 2], [3], 'int32');
  const rows = hostTensor([3, 2], Float64Array.of(1, 2, 3, 4, 5, 6));
  expect(await values((x) => bind('scatterAdd', [x, indices], { count: 4 }), rows)).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
  const table = hostTensor([4, 2], Float64Array.of(0, 1, 10, 11, 20, 21, 30, 31));
  expect(await values((x) => x.gather(indices), table)).toEqual([20, 21, 0, 1, 20, 21]);
  const pulled = await values((x, g) => grad((y) => y.gather(indices).mul(g).sum(), [x])[0]!, table, rows);
  expect(pulled).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
});

it('refuses axes, indices and repeats that do not fit', () => {
  const x = input('x', [3, 2]);
  expect(() => x.argMax(2)).toThrow(/argMax over axes \[2\]/);
  expect(() => x.cumsum(-3)).toThrow(/cumsum over axes \[-3\]/);
  expect(() => x.gather(input('i', [2]))).toThrow(/gather: wanted int32 indices, got float32/);
  expect(() => input('n', []).gather(input('i', [2], 'int32'))).toThrow(/gather: wanted x \[rows, ...row\]/);
  expect(() => bind('scatterAdd', [x, input('i', [2], 'int32')], { count: 4 })).toThrow(/scatterAdd to 4 rows/);
  expect(() => tile(x, [2])).toThrow(/tile: wanted as many repeats as axes/);
});
