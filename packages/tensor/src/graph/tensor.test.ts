import { describe, expect, it } from 'vitest';
import { DTypeError, ShapeError } from '../errors.js';
import { attention } from '../library/attention.js';
import { concat, conv2d, convTranspose2d, linear, oneHot, select, split } from '../library/functions.js';
import { gelu, geluTanh, leakyRelu, logSigmoid } from '../library/activations.js';
import { logSoftmax, logSumExp } from '../library/log-sum-exp.js';
import { resize2d } from '../library/images.js';
import { groupNorm, layerNorm, pixelNorm, rmsNorm } from '../library/norms.js';
import { averagePool2d, maxPool2d } from '../library/pooling.js';
import { bind, constant, input, reachable, full, type Tensor } from './tensor.js';

const float = (...shape: number[]): Tensor => input('x', shape);
const int = (...shape: number[]): Tensor => input('n', shape, 'int32');
const bool = (...shape: number[]): Tensor => input('b', shape, 'bool');
const half = (...shape: number[]): Tensor => input('h', shape, 'float16');

describe('shapes', () => {
  it.each<[string, Tensor, readonly number[]]>([
    ['broadcasting', float(2, 1, 3).add(float(1, 4, 3)), [2, 4, 3]],
    ['a number', float(2, 3).mul(2), [2, 3]],
    ['a scalar', full(1).sub(float(2, 3)), [2, 3]],
    ['reshape with -1', float(2, 3, 4).reshape([4, -1]), [4, 6]],
    ['reshape to a scalar', float(1, 1).reshape([]), []],
    ['transpose', float(2, 3, 4).transpose([2, 0, 1]), [4, 2, 3]],
    ['broadcastTo', float(1, 3).broadcastTo([2, 3]), [2, 3]],
    ['slice', float(4, 5).slice([1, 0], [3, 5]), [2, 5]],
    ['pad', float(2, 3).pad([1, 0], [0, 2]), [3, 5]],
    ['concat', concat([float(2, 3), float(2, 1)], -1), [2, 4]],
    ['split', split(float(2, 6), 3, 1)[2]!, [2, 2]],
    ['sum of all', float(2, 3).sum(), []],
    ['sum over one axis', float(2, 3, 4).sum([-2]), [2, 4]],
    ['sum, kept', float(2, 3, 4).sum([0, 2], true), [1, 3, 1]],
    ['max', float(2, 3).max([1]), [2]],
    ['softmax', float(2, 3).softmax(), [2, 3]],
    ['matmul', float(5, 2, 3).matmul(float(5, 3, 4)), [5, 2, 4]],
    ['matmul, transposed', bind('matmul', [float(3, 2), float(4, 3)], { transposeA: true, transposeB: true }), [2, 4]],
    ['conv2d', conv2d(float(2, 3, 8, 6), float(5, 3, 3, 3), { stride: [2, 1], padding: [1, 0] }), [2, 5, 4, 4]],
    ['sumPool2d', float(1, 2, 4, 6).sumPool2d(2), [1, 2, 2, 3]],
    ['upsample2d', float(1, 2, 2, 3).upsample2d(3), [1, 2, 6, 9]],
    ['linear', linear(float(2, 5, 3), float(3, 4), float(4)), [2, 5, 4]],
    ['attention', attention(float(2, 5, 4), float(2, 7, 4), float(2, 7, 3)), [2, 5, 3]],
    ['select', select(bool(4, 1), float(4, 2), 0), [4, 2]],
    ['oneHot', oneHot(int(4), 10), [4, 10]],
  ])('%s', (_, tensor, shape) => {
    expect(tensor.shape).toEqual(shape);
    expect(tensor.rank).toBe(shape.length);
    expect(tensor.size).toBe(shape.reduce((n, extent) => n * extent, 1));
  });

  it('dtypes follow the operands', () => {
    expect(float(2).less(1).dtype).toBe('bool');
    expect(int(2).add(1).dtype).toBe('int32');
    expect(int(2).sum().dtype).toBe('int32');
    expect(select(bool(2), int(2), 3).dtype).toBe('int32');
    expect(oneHot(int(2), 3).dtype).toBe('float32');
    expect(bool(2).cast('int32').dtype).toBe('int32');
    expect(float(2).greater(float(2)).dtype).toBe('bool');
  });
});

describe('shape errors say what was called, what was wanted and what it got', () => {
  it.each<[() => Tensor | Tensor[], string]>([
    [() => float(2).add(float(3)), 'add: wanted extents that are equal or 1 on every axis, got [2] and [3]'],
    [
      () => float(3).mul(float(3, 1)),
      'mul: wanted operands of equal rank, or a scalar (reshape to insert axes of extent 1), got [3] and [3, 1]',
    ],
    [() => float(2, 3).reshape([4, -1]), 'reshape: wanted 6 elements in all, got [2, 3] and [4, 1.5]'],
    [() => float(2, 3).reshape([7]), 'reshape: wanted 6 elements in all, got [2, 3] and [7]'],
    [() => float(2, 3).transpose([0, 0]), 'transpose: wanted a permutation of 2 axes, got [2, 3] and [0, 0]'],
    [
      () => float(2, 3).broadcastTo([2, 1]),
      'broadcastTo: wanted extents that are equal to the target or 1, got [2, 3] and [2, 1]',
    ],
    [() => float(1).broadcastTo([0]), 'broadcastTo: wanted whole extents >= 1, got [0]'],
    [
      () => float(2, 3).slice([0, 2], [2, 2]),
      'slice: wanted 0 <= start < end <= extent on every axis, got [2, 3] and [0, 2] and [2, 2]',
    ],
    [() => float(2).slice([0], [3]), 'slice: wanted 0 <= start < end <= extent on every axis, got [2] and [0] and [3]'],
    [() => float(2).pad([-1], [0]), 'pad: wanted whole numbers >= 0, one pair per axis, got [2] and [-1] and [0]'],
    [() => concat([float(2, 3), float(3, 3)], 1), 'concat: wanted equal extents but for axis 1, got [2, 3] and [3, 3]'],
    [() => concat([float(2)], 1), 'concat along axis 1: wanted tensors that have this axis, got [2]'],
    [() => concat([], 0), 'concat along axis 0: wanted tensors that have this axis, got '],
    [
      () => split(float(2, 5), 2, 1),
      'split into 2 along axis 1: wanted an extent that the number of pieces divides, got [2, 5]',
    ],
    [() => float(2, 3).sum([2]), 'sum over axes [2]: wanted distinct axes in [-2, 2), got [2, 3]'],
    [() => float(2, 3).sum([1, -1]), 'sum over axes [1, -1]: wanted distinct axes in [-2, 2), got [2, 3]'],
    [() => float().softmax(), 'softmax: wanted at least one axis, got []'],
    [
      () => float(2, 3).matmul(float(4, 5)),
      'matmul: wanted [..., m, k] and [..., k, n] with equal leading axes, got [2, 3] and [4, 5]',
    ],
    [
      () => bind('matmul', [float(2, 3), float(2, 3)], { transposeA: false, transposeB: false }),
      'matmul: wanted [..., m, k] and [..., k, n] with equal leading axes, got [2, 3] and [2, 3]',
    ],
    [
      () => bind('matmul', [float(2, 3), float(4, 3)], { transposeA: true, transposeB: true }),
      'matmul, first transposed, second transposed: wanted [..., m, k] and [..., k, n] with equal leading axes, got [2, 3] and [4, 3]',
    ],
    [
      () => float(2, 2, 3).matmul(float(3, 4)),
      'matmul: wanted [..., m, k] and [..., k, n] with equal leading axes, got [2, 2, 3] and [3, 4]',
    ],
    [
      () => conv2d(float(1, 3, 4, 4), float(2, 4, 3, 3)),
      'conv2d: wanted x [n, c, h, w] and weight [o, c, kh, kw], got [1, 3, 4, 4] and [2, 4, 3, 3]',
    ],
    [
      () => conv2d(float(1, 3, 2, 2), float(2, 3, 3, 3)),
      'conv2d: wanted a kernel that fits the padded image, got [2, 2] and [3, 3]',
    ],
    [
      () => conv2d(float(1, 3, 4, 4), float(2, 3, 3, 3), { stride: 0 }),
      'conv2d: wanted strides, dilations and groups >= 1 and paddings >= 0, whole numbers, got [0, 0] and [1, 1] and [1] and [0, 0]',
    ],
    [
      () => conv2d(float(3, 4, 4), float(2, 3, 3, 3)),
      'conv2d: wanted tensors of four axes, got [3, 4, 4] and [2, 3, 3, 3]',
    ],
    [
      () => float(1, 1, 3, 4).sumPool2d(2),
      'sumPool2d by 2: wanted height and width that the factor divides, got [1, 1, 3, 4]',
    ],
    [() => float(1, 1, 3, 4).upsample2d(0.5), 'upsample2d by 0.5: wanted a whole factor >= 1, got [1, 1, 3, 4]'],
    [
      () => linear(float(2, 3), float(4, 5)),
      'linear: wanted x [..., k], weight [k, n] and bias [n], got [2, 3] and [4, 5]',
    ],
    [
      () => groupNorm(float(1, 5, 2, 2), 2),
      'groupNorm with 2 groups: wanted [n, c, h, w] with channels that the groups divide, got [1, 5, 2, 2]',
    ],
    [() => oneHot(int(2, 2), 3), 'oneHot: wanted labels [n], got [2, 2]'],
    [() => oneHot(int(2), 0), 'constant: wanted whole extents >= 1, got [1, 0]'],
    [() => input('x', [2, 0]), "input 'x': wanted whole extents >= 1, got [2, 0]"],
    [() => input('x', [1.5]), "input 'x': wanted whole extents >= 1, got [1.5]"],
    [() => constant([1, 2, 3], [2]), 'constant: wanted 1 or 2 values, got [3] and [2]'],
  ])('%#: %s', (build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });

  it('carries the operation and the shapes', () => {
    const call = (): Tensor => float(2, 3).matmul(float(4, 5));
    expect(call).toThrow(
      expect.objectContaining({
        name: 'ShapeError',
        operation: 'matmul',
        got: [
          [2, 3],
          [4, 5],
        ],
      }),
    );
  });
});

describe('dtype errors', () => {
  it.each<[() => Tensor, string]>([
    [() => int(2).add(float(2)), 'add: wanted operands of one dtype (use cast), got int32 and float32'],
    [() => bool(2).mul(bool(2)), 'mul: wanted numbers (use cast), got bool'],
    [() => bool(2).less(bool(2)), 'less: wanted numbers (use cast), got bool'],
    [() => int(2).exp(), 'exp: wanted floats (use cast), got int32'],
    [() => int(2).div(2), 'div: wanted floats (use cast), got int32 and int32'],
    [() => int(2).add(0.5), 'constant: wanted values of dtype int32, got 0.5'],
    [() => constant([2 ** 31], [1], 'int32'), 'constant: wanted values of dtype int32, got 2147483648'],
    [() => constant([2], [1], 'bool'), 'constant: wanted values of dtype bool, got 2'],
    [() => int(2, 2).mean(), 'mean: wanted floats (use cast), got int32'],
    [() => bool(2).sum(), 'sum: wanted numbers (use cast), got bool'],
    [() => int(2).softmax(), 'softmax: wanted floats (use cast), got int32'],
    [() => int(2, 2).matmul(int(2, 2)), 'matmul: wanted floats (use cast), got int32 and int32'],
    [() => select(float(2), float(2), 0), 'select: wanted a bool condition, got float32'],
    [() => select(bool(2), float(2), int(2)), 'select: wanted branches of one dtype, got float32 and int32'],
    [() => concat([float(2), int(2)], 0), 'concat: wanted operands of one dtype, got float32 and int32'],
    [() => oneHot(float(2), 3), 'oneHot: wanted int32 labels, got float32'],
    [() => half(2).add(float(2)), 'add: wanted operands of one dtype (use cast), got float16 and float32'],
    [() => half(2).div(float(2)), 'div: wanted operands of one dtype (use cast), got float16 and float32'],
    [() => half(2, 2).matmul(float(2, 2)), 'matmul: wanted operands of one dtype (use cast), got float16 and float32'],
    [() => linear(half(2, 2), float(2, 2)), 'linear: wanted operands of one dtype (use cast), got float16 and float32'],
    [
      () => linear(half(2, 2), half(2, 2), float(2)),
      'linear: wanted operands of one dtype (use cast), got float16 and float16 and float32',
    ],
    [
      () => attention(float(2, 2), half(2, 2), half(2, 2)),
      'attention: wanted operands of one dtype (use cast), got float32 and float16 and float16',
    ],
    [
      () => conv2d(half(1, 1, 2, 2), float(1, 1, 2, 2)),
      'conv2d: wanted operands of one dtype (use cast), got float16 and float32',
    ],
    [
      () => convTranspose2d(half(1, 1, 2, 2), float(1, 1, 2, 2)),
      'convTranspose2d: wanted operands of one dtype (use cast), got float16 and float32',
    ],
    [() => select(bool(2), half(2), float(2)), 'select: wanted branches of one dtype, got float16 and float32'],
    [
      () => concat([half(2), half(2).cast('bfloat16')], 0),
      'concat: wanted operands of one dtype, got float16 and bfloat16',
    ],
  ])('%#: %s', (build, message) => {
    expect(build).toThrow(DTypeError);
    expect(build).toThrow(message);
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ['mean', (x) => x.mean()],
    ['argMax', (x) => x.argMax(0)],
    ['argMin', (x) => x.argMin(0)],
    ['cumsum', (x) => x.cumsum(0)],
    ['softmax', (x) => x.softmax()],
    ['gelu', gelu],
    ['geluTanh', geluTanh],
    ['leakyRelu', (x) => leakyRelu(x)],
    ['logSigmoid', logSigmoid],
    ['logSumExp', (x) => logSumExp(x)],
    ['logSoftmax', logSoftmax],
    ['rmsNorm', (x) => rmsNorm(x)],
    ['pixelNorm', (x) => pixelNorm(x)],
    ['layerNorm', (x) => layerNorm(x)],
    ['groupNorm', (x) => groupNorm(x, 1)],
    ['averagePool2d', (x) => averagePool2d(x, 2)],
    ['resize2d', (x) => resize2d(x, [3, 3], 'nearest')],
  ])('%s names itself when it is given whole numbers', (name, f) => {
    expect(() => f(input('x', [1, 2, 4, 4], 'int32'))).toThrow(`${name}: wanted floats (use cast), got int32`);
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ['min', (x) => x.min()],
    ['max', (x) => x.max()],
    ['sum', (x) => x.sum()],
    ['maxPool2d', (x) => maxPool2d(x, 2)],
  ])('%s names itself when it is given bools', (name, f) => {
    expect(() => f(input('x', [1, 2, 4, 4], 'bool'))).toThrow(`${name}: wanted numbers (use cast), got bool`);
  });
});

describe('graphs', () => {
  it('lists everything a tensor is computed from once, operands first', () => {
    const x = float(2);
    const square = x.square();
    const y = square.add(square.mul(x));
    const unrelated = x.exp();
    const nodes = reachable([y]);
    expect(nodes.map(({ primitive }) => primitive)).toEqual(['input', 'square', 'mul', 'add']);
    expect(nodes).not.toContain(unrelated);
  });

  it('of fifty thousand nodes are listed without recursion', () => {
    let x = float(1);
    for (let i = 0; i < 50_000; i++) x = x.neg();
    expect(reachable([x])).toHaveLength(50_001);
  });
});
