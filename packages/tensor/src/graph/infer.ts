import { DTypeError, ShapeError } from '../errors.js';
import { isFloat, requireValues, type DType, type TensorSpec } from './dtype.js';
import type { BinaryPrimitive, ConvAttributes, Primitive, Primitives, UnaryPrimitive } from './primitives.js';
import { broadcastShapes, isExtent, requireExtents, sameShape, sizeOf, type Shape } from './shape.js';

/**
 * Infers shape and dtype of a primitive's result from those of its operands; throws a typed error if they do not fit.
 */
export type InferRule<P extends Primitive> = (attributes: Primitives[P], operands: readonly TensorSpec[]) => TensorSpec;

const unary =
  (operation: UnaryPrimitive) =>
  (_: unknown, [x]: readonly TensorSpec[]): TensorSpec => {
    requireFloats(operation, [x!]);
    return x!;
  };

const binary =
  (operation: BinaryPrimitive, result?: DType) =>
  (_: unknown, operands: readonly TensorSpec[]): TensorSpec => {
    const [a, b] = operands as readonly [TensorSpec, TensorSpec];
    if (a.dtype !== b.dtype) throw new DTypeError(operation, 'operands of one dtype (use cast)', [a.dtype, b.dtype]);
    if (a.dtype === 'bool' && operation !== 'equal') throw new DTypeError(operation, 'numbers (use cast)', ['bool']);
    return { shape: broadcastShapes(operation, [a.shape, b.shape]), dtype: result ?? a.dtype };
  };

const sameAsOperand = (_: unknown, [x]: readonly TensorSpec[]): TensorSpec => x!;

const reduce =
  (operation: string) =>
  (attributes: Primitives['sum'], [x]: readonly TensorSpec[]): TensorSpec => {
    requireNumbers(operation, x!);
    for (const axis of attributes.axes) requireAxis(operation, axis, x!.shape);
    const reduced = x!.shape.map((extent, axis) => (attributes.axes.includes(axis) ? 1 : extent));
    const shape = attributes.keepDims ? reduced : reduced.filter((_, axis) => !attributes.axes.includes(axis));
    return { shape, dtype: x!.dtype };
  };

export const inferRules: { readonly [P in Primitive]: InferRule<P> } = {
  input: ({ name, shape, dtype }) => {
    requireExtents(`input '${name}'`, shape);
    return { shape, dtype };
  },
  constant: ({ shape, dtype, data }) => {
    requireExtents('constant', shape);
    if (data.length !== 1 && data.length !== sizeOf(shape)) {
      throw new ShapeError('constant', `1 or ${sizeOf(shape)} values`, [[data.length], shape]);
    }
    requireValues('constant', dtype, data);
    return { shape, dtype };
  },

  neg: unary('neg'),
  exp: unary('exp'),
  log: unary('log'),
  sqrt: unary('sqrt'),
  square: unary('square'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  silu: unary('silu'),
  softplus: unary('softplus'),
  erf: unary('erf'),
  erfc: unary('erfc'),
  abs: unary('abs'),
  sign: unary('sign'),

  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: (_, operands) => {
    requireFloats('div', operands);
    return binary('div')(_, operands);
  },
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  equal: binary('equal', 'bool'),
  less: binary('less', 'bool'),
  select: (_, operands) => {
    const [condition, a, b] = operands as readonly [TensorSpec, TensorSpec, TensorSpec];
    if (condition.dtype !== 'bool') throw new DTypeError('select', 'a bool condition', [condition.dtype]);
    if (a.dtype !== b.dtype) throw new DTypeError('select', 'branches of one dtype', [a.dtype, b.dtype]);
    return { shape: broadcastShapes('select', [condition.shape, a.shape, b.shape]), dtype: a.dtype };
  },

  cast: ({ dtype }, [x]) => ({ shape: x!.shape, dtype }),
  identity: sameAsOperand,
  stopGradient: sameAsOperand,

  reshape: ({ shape }, [x]) => {
    if (sizeOf(shape) !== sizeOf(x!.shape) || !shape.every(isExtent)) {
      throw new ShapeError('reshape', `${sizeOf(x!.shape)} elements in all`, [x!.shape, shape]);
    }
    return { shape, dtype: x!.dtype };
  },
  transpose: ({ permutation }, [x]) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x!.shape.length || sorted.some((axis, i) => axis !== i)) {
      throw new ShapeError('transpose', `a permutation of ${x!.shape.length} axes`, [x!.shape, permutation]);
    }
    return { shape: permutation.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  broadcastTo: ({ shape }, [x]) => {
    requireExtents('broadcastTo', shape);
    if (!sameShape(broadcastShapes('broadcastTo', [x!.shape, shape]), shape)) {
      throw new ShapeError('broadcastTo', 'extents that are equal to the target or 1', [x!.shape, shape]);
    }
    return { shape, dtype: x!.dtype };
  },
  slice: ({ starts, ends }, [x]) => {
    const { shape, dtype } = x!;
    const fits = shape.every((extent, axis) => {
      const [start, end] = [starts[axis]!, ends[axis]!];
      return Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= extent;
    });
    if (!fits || starts.length !== shape.length || ends.length !== shape.length) {
      throw new ShapeError('slice', '0 <= start < end <= extent on every axis', [shape, starts, ends]);
    }
    return { shape: starts.map((start, axis) => ends[axis]! - start), dtype };
  },
  pad: ({ before, after }, [x]) => {
    const { shape, dtype } = x!;
    const valid = [...before, ...after].every((n) => Number.isInteger(n) && n >= 0);
    if (!valid || before.length !== shape.length || after.length !== shape.length) {
      throw new ShapeError('pad', 'whole numbers >= 0, one pair per axis', [shape, before, after]);
    }
    return { shape: shape.map((extent, axis) => before[axis]! + extent + after[axis]!), dtype };
  },
  concat: ({ axis }, operands) => {
    const first = operands[0]!;
    requireAxis('concat', axis, first.shape);
    for (const { shape, dtype } of operands) {
      if (dtype !== first.dtype) throw new DTypeError('concat', 'operands of one dtype', [first.dtype, dtype]);
      const fits = shape.length === first.shape.length && shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits) throw new ShapeError('concat', `equal extents but for axis ${axis}`, [first.shape, shape]);
    }
    const joined = operands.reduce((total, { shape }) => total + shape[axis]!, 0);
    return { shape: first.shape.map((extent, i) => (i === axis ? joined : extent)), dtype: first.dtype };
  },
  flip: ({ axes }, [x]) => {
    for (const axis of axes) requireAxis('flip', axis, x!.shape);
    return x!;
  },

  gather: (_, operands) => {
    const [x, indices] = operands as readonly [TensorSpec, TensorSpec];
    if (indices.dtype !== 'int32') throw new DTypeError('gather', 'int32 indices', [indices.dtype]);
    if (x.shape.length === 0) throw new ShapeError('gather', 'x [rows, ...row]', [x.shape]);
    return { shape: [...indices.shape, ...x.shape.slice(1)], dtype: x.dtype };
  },
  scatterAdd: ({ count }, operands) => {
    const [rows, indices] = operands as readonly [TensorSpec, TensorSpec];
    requireFloats('scatterAdd', [rows]);
    if (indices.dtype !== 'int32') throw new DTypeError('scatterAdd', 'int32 indices', [indices.dtype]);
    const leading = rows.shape.slice(0, indices.shape.length);
    if (!isExtent(count) || !sameShape(leading, indices.shape)) {
      throw new ShapeError(`scatterAdd to ${count} rows`, 'rows [...i, ...row] and indices [...i]', [
        rows.shape,
        indices.shape,
      ]);
    }
    return { shape: [count, ...rows.shape.slice(indices.shape.length)], dtype: rows.dtype };
  },

  sum: reduce('sum'),
  reduceMax: reduce('max'),
  argMax: ({ axis }, [x]) => {
    requireFloats('argMax', [x!]);
    requireAxis('argMax', axis, x!.shape);
    return { shape: x!.shape.filter((_, i) => i !== axis), dtype: 'int32' };
  },
  cumsum: ({ axis }, [x]) => {
    requireFloats('cumsum', [x!]);
    requireAxis('cumsum', axis, x!.shape);
    return x!;
  },
  softmax: (_, [x]) => {
    requireFloats('softmax', [x!]);
    if (x!.shape.length === 0) throw new ShapeError('softmax', 'at least one axis', [x!.shape]);
    return x!;
  },

  matmul: ({ transposeA, transposeB }, operands) => {
    const [a, b] = operands as readonly [TensorSpec, TensorSpec];
    requireFloats('matmul', operands);
    const rank = a.shape.length;
    const [m, k] = lastTwo(a.shape, transposeA);
    const [k2, n] = lastTwo(b.shape, transposeB);
    const batch = a.shape.slice(0, -2);
    if (rank < 2 || b.shape.length !== rank || k !== k2 || !sameShape(batch, b.shape.slice(0, -2))) {
      const flags = `${transposeA ? ', first transposed' : ''}${transposeB ? ', second transposed' : ''}`;
      throw new ShapeError(`matmul${flags}`, '[..., m, k] and [..., k, n] with equal leading axes', [a.shape, b.shape]);
    }
    return { shape: [...batch, m, n], dtype: a.dtype };
  },

  conv2d: (attributes, operands) => {
    const [x, weight] = imagesOf('conv2d', operands);
    const { groups } = attributes;
    if (x[1] !== groups * weight[1] || weight[0] % groups !== 0) {
      const wanted = groups === 1 ? 'weight [o, c, kh, kw]' : `weight [o, c / ${groups}, kh, kw], o a multiple of it`;
      throw new ShapeError('conv2d', `x [n, c, h, w] and ${wanted}`, [x, weight]);
    }
    const [h, w] = convOutputSize('conv2d', [x[2], x[3]], [weight[2], weight[3]], attributes);
    return { shape: [x[0], weight[0], h, w], dtype: operands[0]!.dtype };
  },
  conv2dInputGradient: (attributes, operands) => {
    const [g, weight] = imagesOf('conv2dInputGradient', operands);
    requireExtents('size of the image of conv2dInputGradient', attributes.size);
    const out = convOutputSize('conv2dInputGradient', attributes.size, [weight[2], weight[3]], attributes);
    const { groups } = attributes;
    if (g[1] !== weight[0] || g[1] % groups !== 0 || g[2] !== out[0] || g[3] !== out[1]) {
      throw new ShapeError('conv2dInputGradient', `gradient [n, o, ${out.join(', ')}], weight [o, c, kh, kw]`, [
        g,
        weight,
      ]);
    }
    return { shape: [g[0], groups * weight[1], ...attributes.size], dtype: operands[0]!.dtype };
  },
  conv2dWeightGradient: (attributes, operands) => {
    const [x, g] = imagesOf('conv2dWeightGradient', operands);
    requireExtents('size of the kernel of conv2dWeightGradient', attributes.size);
    const out = convOutputSize('conv2dWeightGradient', [x[2], x[3]], attributes.size, attributes);
    const { groups } = attributes;
    if (x[0] !== g[0] || x[1] % groups !== 0 || g[1] % groups !== 0 || g[2] !== out[0] || g[3] !== out[1]) {
      throw new ShapeError('conv2dWeightGradient', `x [n, c, h, w], gradient [n, o, ${out.join(', ')}]`, [x, g]);
    }
    return { shape: [g[1], x[1] / groups, ...attributes.size], dtype: operands[0]!.dtype };
  },
  sumPool2d: ({ factor }, operands) => {
    const [[n, c, h, w]] = imagesOf('sumPool2d', operands);
    if (!isExtent(factor) || h % factor !== 0 || w % factor !== 0) {
      throw new ShapeError(`sumPool2d by ${factor}`, 'height and width that the factor divides', [[n, c, h, w]]);
    }
    return { shape: [n, c, h / factor, w / factor], dtype: operands[0]!.dtype };
  },
  upsample2d: ({ factor }, operands) => {
    const [[n, c, h, w]] = imagesOf('upsample2d', operands);
    if (!isExtent(factor)) throw new ShapeError(`upsample2d by ${factor}`, 'a whole factor >= 1', [[n, c, h, w]]);
    return { shape: [n, c, h * factor, w * factor], dtype: operands[0]!.dtype };
  },
};

type Image = readonly [number, number, number, number];

function imagesOf(operation: string, operands: readonly TensorSpec[]): [Image, Image] {
  requireFloats(operation, operands);
  const shapes = operands.map(({ shape }) => shape);
  if (shapes.some((shape) => shape.length !== 4)) throw new ShapeError(operation, 'tensors of four axes', shapes);
  return shapes as unknown as [Image, Image];
}

/** Throws a {@link DTypeError} unless all operands are floats of one dtype. */
export function requireFloats(operation: string, operands: readonly TensorSpec[]): void {
  const dtypes = operands.map(({ dtype }) => dtype);
  if (!dtypes.every(isFloat)) throw new DTypeError(operation, 'floats (use cast)', dtypes);
  if (dtypes.some((dtype) => dtype !== dtypes[0]))
    throw new DTypeError(operation, 'operands of one dtype (use cast)', dtypes);
}

/** Throws a {@link DTypeError} for a bool. */
export function requireNumbers(operation: string, { dtype }: TensorSpec): void {
  if (dtype === 'bool') throw new DTypeError(operation, 'numbers (use cast)', [dtype]);
}

function requireAxis(operation: string, axis: number, shape: Shape): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw new ShapeError(operation, `an axis of the tensor, got axis ${axis}`, [shape]);
  }
}

function lastTwo(shape: Shape, transposed: boolean): readonly [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/** Height and width of a convolution's result: `floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`. */
export function convOutputSize(
  operation: string,
  size: readonly [number, number],
  kernel: readonly [number, number],
  { stride, padding, dilation, groups }: ConvAttributes,
): [number, number] {
  if (![...stride, ...dilation, groups].every(isExtent) || !padding.every((n) => Number.isInteger(n) && n >= 0)) {
    const wanted = 'strides, dilations and groups >= 1 and paddings >= 0, whole numbers';
    throw new ShapeError(operation, wanted, [stride, dilation, [groups], padding]);
  }
  const out = [0, 1].map((i) => {
    const reach = dilation[i]! * (kernel[i]! - 1) + 1;
    return Math.floor((size[i]! + 2 * padding[i]! - reach) / stride[i]!) + 1;
  });
  if (!out.every(isExtent)) throw new ShapeError(operation, 'a kernel that fits the padded image', [size, kernel]);
  return out as [number, number];
}
