import type { DType } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import type { KernelInputs, TensorInfo } from '../tfjs.js';
import type { NativeBackend } from './binding.js';
import { integer, integers, operationsOf, rows, type Operate } from './operations.js';

type Numbers = readonly number[];

/** Kernels that are one operation of the native library under its own name. */
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

/** The kernels that the lowering rules ask for, as operations of the native library. */
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
  return {
    Cast: ofOne<{ dtype: DType }>((x, { dtype }) => operate('Cast', [x], { DstT: { dtype } })),
    Reshape: ofOne<{ shape: Numbers }>((x, { shape }) => operate('Reshape', [x, integers(shape)])),
    Transpose: ofOne<{ perm: Numbers }>((x, { perm }) => operate('Transpose', [x, integers(perm)])),
    Tile: ofOne<{ reps: Numbers }>((x, { reps }) => operate('Tile', [x, integers(reps)])),
    Reverse: ofOne<{ dims: Numbers }>((x, { dims }) => operate('ReverseV2', [x, integers(dims)])),
    Slice: ofOne<{ begin: Numbers; size: Numbers }>((x, { begin, size }) =>
      operate('Slice', [x, integers(begin), integers(size)]),
    ),
    PadV2: ofOne<{ paddings: readonly Numbers[] }>((x, { paddings }) => operate('Pad', [x, rows(paddings)])),
    Concat: (inputs, { axis }) => {
      const pieces = inputs as readonly TensorInfo[];
      return operate('ConcatV2', [...pieces, integer(axis as number)], {
        N: pieces.length,
        T: { dtype: pieces[0]!.dtype as DType },
      });
    },
    GatherV2: (inputs) => {
      const { x, indices } = named(inputs);
      return operate('GatherV2', [x!, indices!, integer(0)]);
    },
    ScatterNd: (inputs, { shape }) => {
      const { indices, updates } = named(inputs);
      return operate('ScatterNd', [indices!, updates!, integers(shape as Numbers)]);
    },
  };
}

function sums(operate: Operate): Readonly<Record<string, Kernel>> {
  return {
    Sum: ofOne<{ axis: Numbers }>((x, { axis }) => operate('Sum', [x, integers(axis)])),
    Max: ofOne<{ reductionIndices: Numbers }>((x, { reductionIndices }) =>
      operate('Max', [x, integers(reductionIndices)]),
    ),
    ArgMax: ofOne<{ axis: number }>((x, { axis }) =>
      operate('ArgMax', [x, integer(axis)], { output_type: { dtype: 'int32' } }),
    ),
    Cumsum: ofOne<{ axis: number; exclusive: boolean; reverse: boolean }>((x, { axis, exclusive, reverse }) =>
      operate('Cumsum', [x, integer(axis)], { exclusive, reverse }),
    ),
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

/** A kernel of one tensor `x`. */
function ofOne<A>(f: (x: TensorInfo, attributes: A) => TensorInfo): Kernel {
  return (inputs, attributes) => f(named(inputs)['x']!, attributes as A);
}

function named(inputs: KernelInputs): Readonly<Record<string, TensorInfo>> {
  return inputs as Readonly<Record<string, TensorInfo>>;
}
