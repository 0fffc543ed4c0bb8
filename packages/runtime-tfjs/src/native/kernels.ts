import type { DType } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import type { Attributes, KernelInputs, TensorInfo } from '../tfjs.js';
import type { NativeBackend } from './binding.js';
import { integer, integers, operationsOf, rows, type Integers, type Operate } from './operations.js';

type Numbers = readonly number[];

/** Kernels that are a single operation of the native library with the same name. */
const unary = [
  'Neg',
  'Exp',
  'Log',
  'Sqrt',
  'Square',
  'Sin',
  'Cos',
  'Tanh',
  'Sigmoid',
  'Softplus',
  'Erf',
  'Abs',
  'Sign',
];
const binary = ['Sub', 'RealDiv', 'Maximum', 'Minimum', 'Equal', 'NotEqual', 'Less'];

/** The kernels that the lowering rules use, as operations of the native library. */
export function nativeKernels(backend: NativeBackend): Readonly<Record<string, Kernel>> {
  const operate = operationsOf(backend);
  return {
    ...Object.fromEntries(unary.map((name) => [name, plain(operate, name, 'x')])),
    ...Object.fromEntries(binary.map((name) => [name, plain(operate, name, 'a', 'b')])),
    Add: plain(operate, 'AddV2', 'a', 'b'),
    Multiply: plain(operate, 'Mul', 'a', 'b'),
    Select: plain(operate, 'SelectV2', 'condition', 't', 'e'),
    Softmax: plain(operate, 'Softmax', 'logits'),
    ...layout(operate),
    ...sums(operate),
    ...products(operate),
  };
}

function layout(operate: Operate): Readonly<Record<string, Kernel>> {
  const withNumbers = (operation: string, ...keys: readonly string[]): Kernel => {
    return (inputs, attributes) => operate(operation, [first(inputs), ...keys.map((key) => list(attributes, key))]);
  };
  return {
    Cast: (inputs, { dtype }) => operate('Cast', [first(inputs)], { DstT: { dtype: dtype as DType } }),
    Reshape: withNumbers('Reshape', 'shape'),
    Transpose: withNumbers('Transpose', 'perm'),
    Tile: withNumbers('Tile', 'reps'),
    Reverse: withNumbers('ReverseV2', 'dims'),
    Slice: withNumbers('Slice', 'begin', 'size'),
    PadV2: (inputs, { paddings }) => operate('Pad', [first(inputs), rows(paddings as readonly Numbers[])]),
    Concat: (inputs, { axis }) => {
      const pieces = inputs as readonly TensorInfo[];
      const T = { dtype: pieces[0]!.dtype as DType };
      return operate('ConcatV2', [...pieces, integer(axis as number)], { N: pieces.length, T });
    },
    GatherV2: (inputs) => {
      const { x, indices } = named(inputs);
      return operate('GatherV2', [x!, indices!, integer(0)]);
    },
    ScatterNd: (inputs, attributes) => {
      const { indices, updates } = named(inputs);
      return operate('ScatterNd', [indices!, updates!, list(attributes, 'shape')]);
    },
  };
}

function sums(operate: Operate): Readonly<Record<string, Kernel>> {
  return {
    Sum: (inputs, attributes) => operate('Sum', [first(inputs), list(attributes, 'axis')]),
    Max: (inputs, attributes) => operate('Max', [first(inputs), list(attributes, 'reductionIndices')]),
    ArgMax: (inputs, { axis }) =>
      operate('ArgMax', [first(inputs), integer(axis as number)], { output_type: { dtype: 'int32' } }),
    Cumsum: (inputs, { axis, exclusive, reverse }) =>
      operate('Cumsum', [first(inputs), integer(axis as number)], {
        exclusive: exclusive as boolean,
        reverse: reverse as boolean,
      }),
  };
}

function products(operate: Operate): Readonly<Record<string, Kernel>> {
  return {
    BatchMatMul: (inputs, { transposeA, transposeB }) => {
      const { a, b } = named(inputs);
      return operate('BatchMatMulV2', [a!, b!], { adj_x: transposeA as boolean, adj_y: transposeB as boolean });
    },
    Conv2D: (inputs, attributes) => {
      const { x, filter } = named(inputs);
      const { strides, dilations, pad } = attributes as {
        strides: Numbers;
        dilations: Numbers;
        pad: readonly Numbers[];
      };
      return operate('Conv2D', [x!, filter!], {
        strides: [1, ...strides, 1],
        dilations: [1, ...dilations, 1],
        padding: 'EXPLICIT',
        explicit_paddings: pad.flat(),
      });
    },
  };
}

/** An operation whose inputs are a kernel's, in this order. */
function plain(operate: Operate, operation: string, ...names: readonly string[]): Kernel {
  return (inputs) =>
    operate(
      operation,
      names.map((name) => named(inputs)[name]!),
    );
}

function named(inputs: KernelInputs): Readonly<Record<string, TensorInfo>> {
  return inputs as Readonly<Record<string, TensorInfo>>;
}

/** The input of a kernel that takes one. */
function first(inputs: KernelInputs): TensorInfo {
  return named(inputs)['x']!;
}

/** An attribute that is a list of whole numbers, as an argument. */
function list(attributes: Attributes, key: string): Integers {
  return integers(attributes[key] as Numbers);
}
