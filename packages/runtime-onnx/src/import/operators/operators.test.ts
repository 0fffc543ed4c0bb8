import { hostTensor } from '@flowmap/tensor';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { compare, compareCase, integers, uneven, type Case } from '../__fixtures__/compare.js';
import { floats, node, value, whole } from '../__fixtures__/graphs.js';
import { families } from './table.js';

const x = uneven([2, 3]);
const positive = uneven([2, 3], 0.5, 1.2);
const image = uneven([2, 4, 5, 6]);
const flags = hostTensor([2, 3], Uint8Array.of(1, 0, 0, 1, 1, 0));

/** Each operator with everything that makes a difference to it: attributes, operand shapes, operator sets. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  Add: [{ inputs: { a: uneven([2, 3]), b: uneven([3], 2) } }, { inputs: { a: uneven([3, 1]), b: uneven([2, 1, 4]) } }],
  Sub: [{ inputs: { a: uneven([]), b: uneven([2, 2]) } }],
  Mul: [{ inputs: { a: uneven([2, 3, 1]), b: uneven([1, 4], 2) } }],
  Div: [{ inputs: { a: uneven([2, 3]), b: uneven([1], 0.1, 2) } }],
  Mod: [{ inputs: { a: uneven([6], 7), b: uneven([6], 0.3, 1.5) }, attributes: { fmod: 1 }, smooth: false }],
  Pow: [
    { inputs: { a: positive, b: uneven([3], 2) } },
    ...[2, 3, 0.5, -1, -1.5, 7].map((power) => ({ inputs: { a: positive }, tensors: [floats('b', [], [power])] })),
    { inputs: { a: x }, tensors: [floats('b', [1], [3])] },
  ],
  Max: [{ inputs: { a: uneven([2, 3]), b: uneven([3], 0.4, 0.1), c: uneven([2, 1], 0.3) } }],
  Min: [{ inputs: { a: uneven([2, 3]), b: uneven([3], 0.4, 0.1) } }],
  Sum: [{ inputs: { a: x, b: uneven([3]), c: uneven([1]) } }],
  Mean: [{ inputs: { a: x, b: uneven([3]), c: uneven([1]) } }],
  Neg: [{ inputs: { a: x } }, { inputs: { a: integers(3, -2) }, type: DataType.INT64 }],
  Abs: [{ inputs: { a: x } }, { inputs: { a: integers(3, -2) }, type: DataType.INT64 }],
  Sign: [{ inputs: { a: x }, smooth: false }],
  Exp: [{ inputs: { a: x } }],
  Log: [{ inputs: { a: positive } }],
  Sqrt: [{ inputs: { a: positive } }],
  Reciprocal: [{ inputs: { a: positive } }],
  Sin: [{ inputs: { a: x } }],
  Cos: [{ inputs: { a: x } }],
  Tan: [{ inputs: { a: uneven([4], 0.8) } }],
  Sinh: [{ inputs: { a: x } }],
  Cosh: [{ inputs: { a: x } }],
  Floor: [{ inputs: { a: hostTensor([6], [-2, -1.5, -0.2, 0, 0.7, 3e9]) }, smooth: false }],
  Ceil: [{ inputs: { a: hostTensor([6], [-2, -1.5, -0.2, 0, 0.7, -3e9]) }, smooth: false }],
  Round: [{ inputs: { a: hostTensor([8], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.6, -3e9]) }, smooth: false }],
  Equal: [{ inputs: { a: integers(1, 2, 3), b: integers(1, 5, 3) }, type: DataType.BOOL, smooth: false }],
  Less: [{ inputs: { a: x, b: uneven([3], 0.4) }, type: DataType.BOOL, smooth: false }],
  Greater: [{ inputs: { a: x, b: uneven([3], 0.4) }, type: DataType.BOOL, smooth: false }],
  LessOrEqual: [{ inputs: { a: integers(1, 2, 3), b: integers(2) }, type: DataType.BOOL, smooth: false }],
  GreaterOrEqual: [{ inputs: { a: integers(1, 2, 3), b: integers(2) }, type: DataType.BOOL, smooth: false }],
  And: [{ inputs: { a: flags, b: hostTensor([3], Uint8Array.of(1, 1, 0)) }, type: DataType.BOOL, smooth: false }],
  Or: [{ inputs: { a: flags, b: hostTensor([3], Uint8Array.of(1, 1, 0)) }, type: DataType.BOOL, smooth: false }],
  Xor: [{ inputs: { a: flags, b: hostTensor([3], Uint8Array.of(1, 1, 0)) }, type: DataType.BOOL, smooth: false }],
  Not: [{ inputs: { a: flags }, type: DataType.BOOL, smooth: false }],
  IsNaN: [{ inputs: { a: hostTensor([3], [1, NaN, Infinity]) }, type: DataType.BOOL, smooth: false }],
  Where: [{ inputs: { c: flags, a: uneven([3]), b: uneven([2, 1]) } }],
  Cast: [
    { inputs: { a: uneven([5], 40) }, attributes: { to: DataType.INT64 }, type: DataType.INT64, smooth: false },
    { inputs: { a: integers(0, 2) }, attributes: { to: DataType.BOOL }, type: DataType.BOOL, smooth: false },
  ],
  CastLike: [{ inputs: { a: integers(0, 2), b: uneven([]) }, smooth: false }],
  Clip: [
    { inputs: { a: x }, tensors: [floats('low', [], [-0.4]), floats('high', [], [0.6])] },
    { inputs: { a: x, high: hostTensor([], [0.6]) }, reads: ['a', '', 'high'] },
  ],

  Relu: [{ inputs: { a: x } }],
  Sigmoid: [{ inputs: { a: x } }],
  Tanh: [{ inputs: { a: x } }],
  Softplus: [{ inputs: { a: x } }],
  Softsign: [{ inputs: { a: x } }],
  Erf: [{ inputs: { a: x } }],
  Mish: [{ inputs: { a: x }, opset: 18 }],
  Gelu: [
    { inputs: { a: x }, opset: 20 },
    { inputs: { a: x }, attributes: { approximate: 'tanh' }, opset: 20 },
  ],
  LeakyRelu: [{ inputs: { a: x } }, { inputs: { a: x }, attributes: { alpha: { float: -0.5 } } }],
  PRelu: [{ inputs: { a: uneven([2, 3, 2]), b: uneven([3, 1], 0.2) } }],
  Elu: [{ inputs: { a: x }, attributes: { alpha: { float: 0.7 } } }],
  Celu: [{ inputs: { a: x }, attributes: { alpha: { float: 0.7 } } }],
  Selu: [{ inputs: { a: x } }],
  HardSigmoid: [{ inputs: { a: uneven([7], 4) } }],
  HardSwish: [{ inputs: { a: uneven([7], 4) } }],
  ThresholdedRelu: [{ inputs: { a: uneven([7], 2) } }],
  Softmax: [{ inputs: { a: uneven([2, 3, 4]) } }, { inputs: { a: uneven([2, 3, 4]) }, attributes: { axis: 1 } }],
  LogSoftmax: [{ inputs: { a: uneven([2, 3, 4]) }, attributes: { axis: 0 } }],

  Reshape: [
    { inputs: { a: uneven([2, 3, 4]) }, tensors: [whole('s', [0, -1])] },
    { inputs: { a: uneven([2, 3, 4]) }, tensors: [whole('s', [-1])] },
  ],
  Flatten: [
    { inputs: { a: uneven([2, 3, 4]) }, attributes: { axis: -1 } },
    { inputs: { a: x }, attributes: { axis: 2 } },
  ],
  Squeeze: [{ inputs: { a: uneven([1, 3, 1]) } }, { inputs: { a: uneven([1, 3, 1]) }, tensors: [whole('axes', [-1])] }],
  Unsqueeze: [{ inputs: { a: x }, tensors: [whole('axes', [0, -1])] }],
  Transpose: [
    { inputs: { a: uneven([2, 3, 4]) } },
    { inputs: { a: uneven([2, 3, 4]) }, attributes: { perm: [1, 2, 0] } },
  ],
  Expand: [{ inputs: { a: uneven([3, 1]) }, tensors: [whole('s', [2, 1, 4])] }],
  Tile: [{ inputs: { a: x }, tensors: [whole('r', [2, 1])] }],
  Split: [
    { inputs: { a: uneven([2, 5]) }, tensors: [whole('s', [2, 3])], attributes: { axis: 1 }, outputs: 2 },
    { inputs: { a: uneven([5]) }, attributes: { num_outputs: 2 }, outputs: 2, opset: 18 },
  ],
  Shape: [{ inputs: { a: uneven([2, 3, 4]) }, attributes: { start: -2 }, type: DataType.INT64, smooth: false }],
  Size: [{ inputs: { a: uneven([2, 3, 4]) }, type: DataType.INT64, smooth: false }],
  Identity: [{ inputs: { a: x } }],

  Concat: [{ inputs: { a: uneven([2, 3]), b: uneven([2, 1]), c: uneven([2, 2]) }, attributes: { axis: -1 } }],
  Gather: [
    { inputs: { a: uneven([2, 5]) }, tensors: [whole('i', [4, 0, 1, -3, 0, 4, 1, 0])], attributes: { axis: 1 } },
    { inputs: { a: uneven([2, 5, 2]) }, tensors: [whole('i', -1)], attributes: { axis: 1 } },
    { inputs: { a: uneven([2, 5, 2]), i: hostTensor([2, 2], Int32Array.of(1, -1, 0, 3)) }, attributes: { axis: 1 } },
  ],
  GatherElements: [
    { inputs: { a: uneven([2, 3]), i: hostTensor([2, 2], Int32Array.of(2, -3, 1, 0)) }, attributes: { axis: 1 } },
  ],
  GatherND: [{ inputs: { a: uneven([2, 3, 2]), i: hostTensor([2, 2], Int32Array.of(0, 2, 1, -1)) } }],
  Slice: [
    {
      inputs: { a: uneven([4, 7]) },
      tensors: [whole('b', [1, -2]), whole('e', [2 ** 40, -9]), whole('x', [0, 1]), whole('s', [1, -2])],
    },
    { inputs: { a: uneven([7]) }, tensors: [whole('b', [1]), whole('e', [7])] },
    { inputs: { a: uneven([7]) }, tensors: [whole('b', [1]), whole('e', [7]), whole('x', [0]), whole('s', [3])] },
  ],
  ScatterND: [
    { inputs: { a: uneven([3, 2]), u: uneven([2, 2], 2) }, tensors: [rows(2, 0)], reads: ['a', 'i', 'u'] },
    { inputs: { a: uneven([3, 2]), i: hostTensor([2, 1], Int32Array.of(1, -3)), u: uneven([2, 2], 2) } },
    {
      inputs: { a: uneven([3]), i: hostTensor([3, 1], Int32Array.of(1, 1, 0)), u: uneven([3], 2) },
      attributes: { reduction: 'add' },
      opset: 18,
    },
  ],
  ScatterElements: [
    {
      inputs: { a: uneven([2, 3]), i: hostTensor([2, 2], Int32Array.of(2, 0, 1, -1)), u: uneven([2, 2], 2) },
      attributes: { axis: 1 },
    },
  ],

  Pad: [
    { inputs: { a: x }, tensors: [whole('p', [1, 0, 0, 2])] },
    { inputs: { a: x }, tensors: [whole('p', [1, 0, 0, 2]), floats('v', [], [1.5])] },
    { inputs: { a: x }, tensors: [whole('p', [0, -1, 1, 1])] },
    { inputs: { a: uneven([2, 5]) }, tensors: [whole('p', [1, 2, 0, 3])], attributes: { mode: 'reflect' } },
    { inputs: { a: uneven([2, 5]) }, tensors: [whole('p', [1, 2, 0, 3])], attributes: { mode: 'edge' } },
    { inputs: { a: uneven([2, 5]) }, tensors: [whole('p', [1, 2, 0, 3])], attributes: { mode: 'wrap' }, opset: 19 },
    {
      inputs: { a: x },
      tensors: [whole('p', [1, 2]), floats('v', [], [0]), whole('x', [-1])],
      opset: 18,
    },
  ],

  ReduceSum: [
    { inputs: { a: uneven([2, 3, 2]) }, tensors: [whole('axes', [0, -1])], attributes: { keepdims: 0 } },
    { inputs: { a: x } },
    { inputs: { a: x }, attributes: { noop_with_empty_axes: 1 } },
  ],
  ReduceMean: [
    { inputs: { a: uneven([2, 3, 2]) }, attributes: { axes: [1], keepdims: 0 } },
    { inputs: { a: uneven([2, 3, 2]) }, tensors: [whole('axes', [1])], opset: 18 },
  ],
  ReduceMax: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ReduceMin: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ReduceProd: [{ inputs: { a: x }, attributes: { axes: [0], keepdims: 0 } }],
  ReduceL1: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ReduceL2: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ReduceSumSquare: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ReduceLogSum: [{ inputs: { a: positive }, attributes: { axes: [1] } }],
  ReduceLogSumExp: [{ inputs: { a: x }, attributes: { axes: [1] } }],
  ArgMax: [
    { inputs: { a: x }, attributes: { axis: 1, keepdims: 0 }, type: DataType.INT64, smooth: false },
    {
      inputs: { a: hostTensor([4], [1, 3, 3, 2]) },
      attributes: { select_last_index: 1 },
      type: DataType.INT64,
      smooth: false,
    },
  ],
  ArgMin: [{ inputs: { a: x }, attributes: { axis: 1 }, type: DataType.INT64, smooth: false }],
  CumSum: [
    { inputs: { a: x }, tensors: [whole('axis', 1)], attributes: { exclusive: 1, reverse: 1 } },
    { inputs: { a: integers(1, 2, 5) }, tensors: [whole('axis', 0)], type: DataType.INT64, smooth: false },
  ],

  MatMul: [
    { inputs: { a: uneven([2, 3]), b: uneven([3, 4]) } },
    { inputs: { a: uneven([2, 2, 3]), b: uneven([3, 4]) } },
    { inputs: { a: uneven([2, 1, 2, 3]), b: uneven([3, 3, 2]) } },
    { inputs: { a: uneven([3]), b: uneven([2, 3, 2]) } },
    { inputs: { a: uneven([2, 3]), b: uneven([3]) } },
  ],
  Gemm: [
    {
      inputs: { a: uneven([3, 2]), b: uneven([4, 3]), c: uneven([4]) },
      attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
    },
    { inputs: { a: uneven([2, 3]), b: uneven([3, 4]), c: uneven([2, 1]) } },
    { inputs: { a: uneven([2, 3]), b: uneven([3, 4]) } },
  ],
  Einsum: [
    ...['bhid,bhjd->bhij', '...id,...jd->...ij', 'bhid,bhjd->', 'bhid,bhjd', 'bhid,bhjd->bj'].map((equation) => ({
      inputs: { a: uneven([2, 2, 3, 2]), b: uneven([2, 2, 4, 2]) },
      attributes: { equation },
    })),
    { inputs: { a: uneven([2, 3]), b: uneven([3, 2]), c: uneven([2]) }, attributes: { equation: 'ij, jk, k -> i' } },
    { inputs: { a: uneven([2, 3]) }, attributes: { equation: 'ij->ji' } },
  ],
  Conv: [
    {
      inputs: { a: image, w: uneven([3, 4, 3, 2]), b: uneven([3]) },
      attributes: { pads: [1, 0, 1, 2], strides: [2, 1] },
    },
    { inputs: { a: image, w: uneven([4, 2, 2, 2]) }, attributes: { group: 2, dilations: [2, 1] } },
    {
      inputs: { a: image, w: uneven([4, 1, 2, 2]) },
      attributes: { group: 4, auto_pad: 'SAME_LOWER', strides: [2, 2] },
    },
    {
      inputs: { a: uneven([2, 2, 7]), w: uneven([3, 2, 3]), b: uneven([3]) },
      attributes: { pads: [2, 0], strides: [2] },
    },
  ],
  ConvTranspose: [
    {
      inputs: { a: uneven([1, 2, 3, 4]), w: uneven([2, 3, 3, 2]), b: uneven([3]) },
      attributes: { strides: [2, 2], pads: [1, 0, 0, 1], output_padding: [1, 0] },
    },
    { inputs: { a: uneven([1, 4, 3, 3]), w: uneven([4, 1, 2, 2]) }, attributes: { group: 2, dilations: [2, 1] } },
    {
      inputs: { a: uneven([1, 2, 3, 3]), w: uneven([2, 1, 3, 3]) },
      attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
    },
    {
      inputs: { a: uneven([1, 2, 3, 3]), w: uneven([2, 1, 3, 3]) },
      attributes: { output_shape: [6, 5], strides: [2, 2] },
    },
    { inputs: { a: uneven([1, 2, 4]), w: uneven([2, 1, 3]) }, attributes: { strides: [3], output_padding: [2] } },
  ],

  BatchNormalization: [
    {
      inputs: { a: image, s: uneven([4]), b: uneven([4]), m: uneven([4]), v: uneven([4], 0.5, 1.2) },
      attributes: { epsilon: { float: 1e-3 } },
    },
  ],
  InstanceNormalization: [{ inputs: { a: image, s: uneven([4]), b: uneven([4]) } }],
  GroupNormalization: [
    { inputs: { a: image, s: uneven([2]), b: uneven([2]) }, attributes: { num_groups: 2 }, opset: 18 },
    { inputs: { a: image, s: uneven([4]), b: uneven([4]) }, attributes: { num_groups: 2 }, opset: 21 },
  ],
  LayerNormalization: [
    { inputs: { a: uneven([2, 3, 4]), s: uneven([4]), b: uneven([4]) } },
    { inputs: { a: uneven([2, 3, 4]), s: uneven([3, 4]) }, attributes: { axis: 1 }, outputs: 3 },
  ],
  LpNormalization: [{ inputs: { a: x } }, { inputs: { a: x }, attributes: { axis: 0, p: 1 } }],
  MeanVarianceNormalization: [{ inputs: { a: image } }],

  AveragePool: [
    { inputs: { a: uneven([1, 2, 4, 6]) }, attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { inputs: { a: image }, attributes: { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 2] } },
    { inputs: { a: image }, attributes: { kernel_shape: [3, 2], pads: [1, 0, 1, 1], count_include_pad: 1 } },
    { inputs: { a: image }, attributes: { kernel_shape: [2, 4], strides: [2, 3], ceil_mode: 1 }, opset: 19 },
    { inputs: { a: uneven([1, 2, 7]) }, attributes: { kernel_shape: [3], dilations: [2] }, opset: 19 },
    { inputs: { a: uneven([1, 1, 3, 2, 4]) }, attributes: { kernel_shape: [2, 1, 2] } },
  ],
  MaxPool: [
    { inputs: { a: uneven([1, 2, 4, 6]) }, attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { inputs: { a: image }, attributes: { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 2] } },
    { inputs: { a: image }, attributes: { kernel_shape: [2, 3], auto_pad: 'SAME_UPPER' } },
    { inputs: { a: image }, attributes: { kernel_shape: [2, 4], strides: [2, 3], ceil_mode: 1 } },
  ],
  GlobalAveragePool: [{ inputs: { a: image } }],
  GlobalMaxPool: [{ inputs: { a: uneven([1, 2, 2, 3]) } }],
  DepthToSpace: [
    { inputs: { a: uneven([1, 8, 2, 3]) }, attributes: { blocksize: 2 } },
    { inputs: { a: uneven([1, 8, 2, 3]) }, attributes: { blocksize: 2, mode: 'CRD' } },
  ],
  SpaceToDepth: [{ inputs: { a: uneven([1, 2, 4, 6]) }, attributes: { blocksize: 2 } }],
  Resize: resizes(),

  Constant: [{ inputs: {}, attributes: { value_floats: { floats: [1, 2] } } }],
  ConstantOfShape: [
    { inputs: {}, tensors: [whole('s', [2, 2])], attributes: { value: { tensor: floats('', [1], [2.5]) } } },
  ],
  Range: [{ inputs: {}, tensors: [floats('a', [], [1]), floats('b', [], [2]), floats('c', [], [0.3])] }],
  EyeLike: [{ inputs: { a: uneven([2, 4]) }, attributes: { k: 1 }, smooth: false }],
  Trilu: [
    { inputs: { a: uneven([2, 3, 4]) }, tensors: [whole('k', 1)] },
    { inputs: { a: uneven([3, 4]) }, attributes: { upper: 0 } },
  ],
  OneHot: [
    {
      inputs: { i: integers(2, -1, 0) },
      tensors: [whole('d', 3), floats('v', [2], [0.5, 2])],
      attributes: { axis: 0 },
      smooth: false,
    },
  ],
  NonZero: [{ inputs: {}, tensors: [whole('a', [0, 3, 0, 1])], type: DataType.INT64, smooth: false }],
  Dropout: [{ inputs: { a: x } }],
  DequantizeLinear: [
    {
      inputs: {},
      tensors: [
        whole8('q', [2, 3], [1, -2, 3, -4, 5, 127]),
        floats('s', [3], [0.1, 0.2, 0.3]),
        whole8('z', [3], [1, 2, 3]),
      ],
    },
    { inputs: {}, tensors: [whole8('q', [2, 3], [1, -2, 3, -4, 5, 127]), floats('s', [], [0.1])] },
    {
      inputs: { s: uneven([3], 0.2, 1) },
      tensors: [whole8('q', [2, 3], [1, -2, 3, -4, 5, 127]), whole8('z', [3], [1, 2, 3])],
      reads: ['q', 's', 'z'],
    },
    {
      inputs: { s: uneven([2, 2], 0.2, 1) },
      tensors: [whole8('q', [2, 4], [1, -2, 3, -4, 5, 127, 0, 9])],
      reads: ['q', 's'],
      attributes: { block_size: 2 },
      opset: 21,
    },
  ],
};

/** A tensor of int8. */
function whole8(name: string, dims: readonly number[], values: readonly number[]): ReturnType<typeof floats> {
  const rawData = new Uint8Array(Int8Array.from(values).buffer);
  return { ...floats(name, dims, []), dataType: DataType.INT8, rawData };
}

function resizes(): Case[] {
  const sizes = [
    ['scales', [1, 1, 2, 2]],
    ['scales', [1, 1, 0.6, 1.7]],
    ['sizes', [2, 4, 3, 9]],
  ] as const;
  const resize = (attributes: Case['attributes'], [kind, numbers]: (typeof sizes)[number], opset = 17): Case => {
    const tensor = kind === 'scales' ? floats('scales', [4], numbers) : whole('sizes', numbers);
    const reads = kind === 'scales' ? ['a', '', 'scales'] : ['a', '', '', 'sizes'];
    // It is linear, by the same product in every mode.
    const smooth = opset > 17;
    return { inputs: { a: image }, tensors: [tensor], reads, attributes: attributes!, opset, smooth };
  };
  const coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
  return [
    ...coordinates.flatMap((coordinate_transformation_mode) =>
      ['nearest', 'linear', 'cubic'].map((mode, i) => resize({ mode, coordinate_transformation_mode }, sizes[i]!)),
    ),
    ...['round_prefer_ceil', 'floor', 'ceil'].map((nearest_mode) => resize({ nearest_mode }, sizes[1])),
    resize({ mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }, sizes[0]),
    ...[0, 1, 2].map((i) =>
      resize({ coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' }, sizes[i]!),
    ),
    resize({ mode: 'cubic', cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 }, sizes[1]),
    resize({ mode: 'linear', antialias: 1 }, sizes[2], 18),
    resize({ mode: 'cubic', antialias: 1 }, sizes[1], 18),
    resize({ mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' }, sizes[1], 19),
    {
      inputs: { a: image },
      tensors: [whole('sizes', [10, 9])],
      reads: ['a', '', '', 'sizes'],
      attributes: { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' },
      opset: 18,
    },
  ];
}

/** Operators whose cases are elsewhere. */
const elsewhere = ['If', 'Loop'];

describe.each(Object.entries(cases))('%s', (operator, own) => {
  it.each(own.map((one, i) => [i, one] as const))(
    'computes what onnxruntime does, with its derivatives (%i)',
    async (_, one) => {
      await compareCase(operator, one);
    },
  );
});

it('rounds to even numbers up to the last halves of float32', async () => {
  await compare(
    {
      nodes: [node('Round', ['x'], ['whole']), node('Sub', ['whole', 'least'], ['y'])],
      inputs: [value('x', DataType.FLOAT, [2])],
      tensors: [floats('least', [], [2 ** 22])],
    },
    { x: hostTensor([2], [2 ** 22 + 0.5, 2 ** 22 + 1.5]) },
    false,
  );
});

it('there are cases for every operator that can be imported', () => {
  const names = Object.values(families).flatMap((operators) => Object.keys(operators));
  expect([...Object.keys(cases), ...elsewhere].sort()).toEqual(names.sort());
});

/** Indices of rows, `[count, 1]`. */
function rows(...indices: number[]): ReturnType<typeof whole> {
  return { ...whole('i', indices), dims: [BigInt(indices.length), 1n] };
}
