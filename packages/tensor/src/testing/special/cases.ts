import { concat, conv2d, select, stopGradient } from '../../library/functions.js';
import { isFloat, dtypes, type DType } from '../../graph/dtype.js';
import { hostTensor, type HostTensor } from '../../runtime/host-tensor.js';
import type { BinaryPrimitive, Primitive, UnaryPrimitive } from '../../graph/primitives.js';
import { bind, constant, type Tensor } from '../../graph/tensor.js';
import { ordinaries, repeating, specialRows, specialValues, withSpecials } from './values.js';

/** A function of tensors that hold special numbers. */
export interface SpecialCase {
  readonly name: string;
  readonly args: readonly HostTensor[];
  readonly f: (...args: Tensor[]) => Tensor;
}

/** The cases of a primitive for operands of a dtype; none if it does not take them. */
type Cases = (dtype: DType) => readonly SpecialCase[];

/** Cases of floats only. */
const floats =
  (cases: Cases): Cases =>
  (dtype) =>
    isFloat(dtype) ? cases(dtype) : [];

/** Cases of numbers: floats and int32. */
const numbers =
  (cases: Cases): Cases =>
  (dtype) =>
    dtype === 'bool' ? [] : cases(dtype);

/** All special numbers twice in one vector, so that they occur in full SIMD vectors and in the remainder. */
function vector(dtype: DType): HostTensor {
  const values = specialValues(dtype);
  return repeating([2 * values.length], values, dtype);
}

/** Two tensors that pair each special number with every other. */
function pairs(dtype: DType): readonly [HostTensor, HostTensor] {
  const values = specialValues(dtype);
  const shape = [values.length * values.length];
  const first = values.flatMap((value) => values.map(() => value));
  return [hostTensor(shape, first, dtype), repeating(shape, values, dtype)];
}

const unary = (primitive: UnaryPrimitive): Cases =>
  floats((dtype) => [{ name: 'each', args: [vector(dtype)], f: (x) => bind(primitive, [x], {}) }]);

const binary = (primitive: BinaryPrimitive): Cases => {
  const f = (a: Tensor, b: Tensor): Tensor => bind(primitive, [a, b], {});
  return (dtype) => {
    const values = specialValues(dtype);
    const [column, row] = [
      [values.length, 1],
      [1, values.length],
    ].map((shape) => hostTensor(shape, values, dtype));
    const scalar = hostTensor([], [isFloat(dtype) ? NaN : values.at(-1)!], dtype);
    return [
      { name: 'each with each', args: pairs(dtype), f },
      { name: 'broadcast', args: [column!, row!], f },
      { name: 'with a scalar', args: [vector(dtype), scalar], f },
      { name: 'of a scalar', args: [scalar, vector(dtype)], f },
    ];
  };
};

/** Moving elements does not change them. */
const moved = (shape: readonly number[], f: (x: Tensor) => Tensor): Cases => {
  return (dtype) => [{ name: 'moved', args: [repeating(shape, specialValues(dtype), dtype)], f }];
};

/** Along rows of few and of many elements, and along the columns of special rows. */
const alongRows = (f: (x: Tensor, axis: 0 | 1) => Tensor, counts: readonly number[] = [7, 264]): Cases => {
  return (dtype) => [
    ...counts.map((count) => ({
      name: `rows of ${count}`,
      args: [specialRows(count, dtype)],
      f: (x: Tensor) => f(x, 1),
    })),
    { name: 'columns of 19', args: [specialRows(19, dtype)], f: (x) => f(x.transpose([1, 0]), 0) },
  ];
};

const matmul: Cases = floats((dtype) => {
  const left = specialRows(5, dtype);
  // The last column is zero, and 0 times infinity is NaN.
  const right = hostTensor(
    [5, 4],
    Array.from({ length: 20 }, (_, i) => [0.5, -0.5, 0.25, 0][i % 4]!),
    dtype,
  );
  const large = withSpecials([48, 48], { 200: NaN, 1000: Infinity, 1500: -Infinity }, dtype);
  return [
    { name: 'rows', args: [left, right], f: (a, b) => a.matmul(b) },
    { name: 'columns', args: [left, right], f: (a, b) => b.transpose([1, 0]).matmul(a.transpose([1, 0])) },
    { name: 'large', args: [large, ordinaries([48, 48], dtype)], f: (a, b) => a.matmul(b) },
    {
      name: 'large, transposed',
      args: [ordinaries([48, 48], dtype), large],
      f: (a, b) => a.matmul(b.transpose([1, 0])),
    },
    {
      name: 'two at once',
      args: [withSpecials([2, 8, 8], { 3: NaN, 80: Infinity }, dtype), ordinaries([2, 8, 8], dtype)],
      f: (a, b) => a.matmul(b),
    },
  ];
});

// Away from the border and from each other: the product of a padding zero and infinity is left open.
const image = (channels: number, dtype: DType): HostTensor =>
  withSpecials([1, channels, 8, 8], { 9: NaN, 13: Infinity, 45: -Infinity }, dtype);
const same = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
const geometries = [
  [2, 3],
  [16, 16],
] as const;

const conv: Cases = floats((dtype) =>
  geometries.map(([from, to]) => ({
    name: `${from} channels to ${to}`,
    args: [image(from, dtype), ordinaries([to, from, 3, 3], dtype)],
    f: (x, w) => conv2d(x, w, { padding: 1 }),
  })),
);
const convInput: Cases = floats((dtype) =>
  geometries.map(([from, to]) => ({
    name: `${to} channels to ${from}`,
    args: [image(to, dtype), ordinaries([to, from, 3, 3], dtype)],
    f: (x, w) => bind('conv2dInputGradient', [x, w], { ...same, size: [8, 8] }),
  })),
);
const convWeight: Cases = floats((dtype) =>
  geometries.map(([from, to]) => ({
    name: `${from} channels to ${to}`,
    args: [withSpecials([1, from, 8, 8], { 9: NaN }, dtype), ordinaries([1, to, 8, 8], dtype)],
    f: (x, g) => bind('conv2dWeightGradient', [x, g], { ...same, size: [3, 3] }),
  })),
);

/** Indices inside and outside the range of three rows. */
const indices = hostTensor([8], Int32Array.of(0, 2, -1, 3, 1, -(2 ** 31), 2 ** 31 - 1, 2));

const castTo = (to: DType): Cases => {
  return (dtype) => {
    const beyond = [2147483520, 2147483648, -2147483648, -2147483904, 3e9, -3e9, 1.9, -1.9];
    const values = isFloat(dtype) ? [...specialValues(dtype), ...beyond] : specialValues(dtype);
    return [{ name: `to ${to}`, args: [hostTensor([values.length], values, dtype)], f: (x) => x.cast(to) }];
  };
};

/** Special cases of every primitive; one without is a compile error. */
const primitives: { readonly [P in Primitive]: Cases } = {
  input: (dtype) => [{ name: 'read', args: [vector(dtype)], f: (x) => x }],
  constant: (dtype) => [
    {
      name: 'numbers',
      args: [],
      f: () => constant(specialValues(dtype), undefined, dtype),
    },
  ],
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
  add: numbers(binary('add')),
  sub: numbers(binary('sub')),
  mul: numbers(binary('mul')),
  div: floats(binary('div')),
  maximum: numbers(binary('maximum')),
  minimum: numbers(binary('minimum')),
  equal: binary('equal'),
  less: numbers(binary('less')),
  select: (dtype) => {
    const x = vector(dtype);
    const condition = hostTensor(
      x.shape,
      Uint8Array.from(x.data, (_, i) => i % 2),
    );
    return [
      { name: 'chosen', args: [condition, x], f: (condition, x) => select(condition, x, 1) },
      { name: 'otherwise', args: [condition, x], f: (condition, x) => select(condition, 1, x) },
    ];
  },
  cast: (dtype) => dtypes.flatMap((to) => castTo(to)(dtype)),
  identity: (dtype) => [{ name: 'each', args: [vector(dtype)], f: (x) => bind('identity', [x], {}) }],
  stopGradient: (dtype) => [{ name: 'each', args: [vector(dtype)], f: stopGradient }],
  reshape: moved([2, 18], (x) => x.reshape([3, 12])),
  transpose: moved([5, 7], (x) => x.transpose([1, 0])),
  broadcastTo: moved([1, 17, 1], (x) => x.broadcastTo([3, 17, 2])),
  slice: moved([5, 19], (x) => x.slice([1, 0], [4, 18])),
  pad: moved([5, 7], (x) => x.pad([1, 0], [0, 2])),
  concat: moved([5, 7], (x) => concat([x, x], 1)),
  flip: moved([5, 7], (x) => x.flip([1])),
  gather: (dtype) => [
    {
      name: 'also out of range',
      args: [repeating([3, 7], specialValues(dtype), dtype), indices],
      f: (x, i) => x.gather(i),
    },
  ],
  scatterAdd: floats((dtype) => [
    {
      name: 'also out of range',
      args: [repeating([8, 17], specialValues(dtype), dtype), indices],
      f: (rows, i) => bind('scatterAdd', [rows, i], { count: 3 }),
    },
  ]),
  sum: numbers(alongRows((x, axis) => x.sum([axis]))),
  // Also over the few elements of a pooling window.
  reduceMax: numbers((dtype) => [
    ...alongRows((x, axis) => x.max([axis]))(dtype),
    ...alongRows((x, axis) => x.min([axis]))(dtype),
    { name: 'pairs', args: [repeating([17, 2], specialValues(dtype), dtype)], f: (x) => x.max([1]) },
  ]),
  argMax: floats(alongRows((x, axis) => x.argMax(axis))),
  cumsum: floats((dtype) => [
    ...alongRows((x, axis) => x.cumsum(axis), [7])(dtype),
    {
      name: 'exclusive, reverse',
      args: [specialRows(7, dtype)],
      f: (x) => x.cumsum(1, { exclusive: true, reverse: true }),
    },
    { name: 'exclusive', args: [specialRows(7, dtype)], f: (x) => x.cumsum(1, { exclusive: true }) },
  ]),
  softmax: floats((dtype) =>
    [7, 264].map((count) => ({ name: `rows of ${count}`, args: [specialRows(count, dtype)], f: (x) => x.softmax() })),
  ),
  matmul,
  conv2d: conv,
  conv2dInputGradient: convInput,
  conv2dWeightGradient: convWeight,
  sumPool2d: floats((dtype) => [
    {
      name: 'blocks',
      args: [withSpecials([1, 1, 4, 36], Object.fromEntries(specialValues(dtype).map((x, i) => [2 * i, x])), dtype)],
      f: (x) => x.sumPool2d(2),
    },
  ]),
  upsample2d: floats(moved([1, 1, 3, 17], (x) => x.upsample2d(2))),
};

/** The primitives and their special cases in a dtype. */
export function specialCases(dtype: DType): [Primitive, readonly SpecialCase[]][] {
  return (Object.keys(primitives) as Primitive[]).map((primitive) => [primitive, primitives[primitive](dtype)]);
}
