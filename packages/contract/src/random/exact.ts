import { concat, full, type Tensor, type Tensors } from '@flowmap/tensor';
import fc from 'fast-check';

/** A rational number, `n / d` with d > 0. */
interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

/** An expression over inputs of shape [4], with its value in exact arithmetic. */
export interface Exact {
  readonly text: string;
  readonly tensor: (inputs: Tensors) => Tensor;
  readonly values: (inputs: Readonly<Record<string, readonly number[]>>) => Rational[];
}

/** A finite double as a rational. */
function rational(value: number): Rational {
  const exponent = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) - 53;
  // In two steps, since 2^-exponent may be out of range.
  const digits = BigInt(value * 2 ** -Math.ceil(exponent / 2) * 2 ** -Math.floor(exponent / 2));
  return exponent < 0 ? { n: digits, d: 1n << BigInt(-exponent) } : { n: digits << BigInt(exponent), d: 1n };
}

/** The double nearest to a rational; infinite beyond the range of doubles. */
export function toNumber({ n, d }: Rational): number {
  const bits = (x: bigint): number => (x < 0n ? -x : x).toString(2).length;
  const shift = 64 - (bits(n) - bits(d));
  const quotient = shift < 0 ? n / (d << BigInt(-shift)) : (n << BigInt(shift)) / d;
  return Number(quotient) * 2 ** -Math.ceil(shift / 2) * 2 ** -Math.floor(shift / 2);
}

const times = (a: Rational, b: Rational): Rational => ({ n: a.n * b.n, d: a.d * b.d });
const plus = (a: Rational, b: Rational): Rational => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d });
const minus = (a: Rational): Rational => ({ n: -a.n, d: a.d });
const inverse = (a: Rational): Rational => (a.n < 0n ? { n: -a.d, d: -a.n } : { n: a.d, d: a.n });
const isLess = (a: Rational, b: Rational): boolean => a.n * b.d < b.n * a.d;

type Binary = readonly [(a: Tensor, b: Tensor) => Tensor, (a: Rational, b: Rational) => Rational];
const operations: Readonly<Record<string, Binary>> = {
  '+': [(a, b) => a.add(b), plus],
  '-': [(a, b) => a.sub(b), (a, b) => plus(a, minus(b))],
  '*': [(a, b) => a.mul(b), times],
  max: [(a, b) => a.maximum(b), (a, b) => (isLess(a, b) ? b : a)],
  min: [(a, b) => a.minimum(b), (a, b) => (isLess(a, b) ? a : b)],
};

type Unary = readonly [(x: Tensor) => Tensor, (x: Rational[]) => Rational[]];
const total = (x: readonly Rational[]): Rational => x.reduce(plus);
const same = (x: Rational[]): Rational[] => x;
const functions: Readonly<Record<string, Unary>> = {
  neg: [(x) => x.neg(), (x) => x.map(minus)],
  abs: [(x) => x.abs(), (x) => x.map((a) => (a.n < 0n ? minus(a) : a))],
  square: [(x) => x.square(), (x) => x.map((a) => times(a, a))],
  twice: [(x) => x.add(x), (x) => x.map((a) => plus(a, a))],
  total: [(x) => x.sum([0], true).broadcastTo([4]), (x) => x.map(() => total(x))],
  rows: [
    (x) => x.reshape([2, 2]).sum([1], true).broadcastTo([2, 2]).reshape([4]),
    (x) => [0, 0, 2, 2].map((i) => plus(x[i]!, x[i + 1]!)),
  ],
  first: [(x) => x.slice([0], [1]).broadcastTo([4]), (x) => x.map(() => x[0]!)],
  turned: [(x) => x.reshape([2, 2]).transpose([1, 0]).reshape([4]), (x) => [0, 2, 1, 3].map((i) => x[i]!)],
  flipped: [(x) => x.flip([0]), (x) => x.toReversed()],
  padded: [(x) => x.pad([1], [2]).slice([1], [5]), same],
  joined: [(x) => concat([x.slice([0], [1]), x.slice([1], [4])], 0), same],
  parts: [
    (x) =>
      x
        .slice([0], [3])
        .pad([0], [1])
        .add(x.slice([3], [4]).pad([3], [0])),
    same,
  ],
  shared: [(x) => x.sub(full(0, [4], x.dtype)).mul(full(1, [], x.dtype)), same],
};

const scalings: Readonly<Record<string, readonly [(x: Tensor, c: number) => Tensor, Binary[1]]>> = {
  '*': [(x, c) => x.mul(c), times],
  '/': [(x, c) => x.div(c), (x, c) => times(x, inverse(c))],
  '+': [(x, c) => x.add(c), plus],
  '-': [(x, c) => x.sub(c), (x, c) => plus(x, minus(c))],
};

/**
 * Trees of operations defined for rational numbers, over the named inputs and some constants.
 *
 * @param constants nonzero constants, each a number of the dtype in question
 */
export function exactExpressions(names: readonly string[], constants: readonly number[]): fc.Arbitrary<Exact> {
  type Inputs = Readonly<Record<string, readonly number[]>>;
  const { tree } = fc.letrec<{ tree: Exact }>((tie) => {
    const leaf = fc.constantFrom(...names).map((name) => ({
      text: name,
      tensor: (inputs: Tensors) => inputs[name]!,
      values: (inputs: Inputs) => inputs[name]!.map(rational),
    }));
    const mapped = fc
      .tuple(fc.constantFrom(...Object.entries(functions)), tie('tree'))
      .map(([[name, [f, exact]], x]) => ({
        text: `${name}(${x.text})`,
        tensor: (inputs: Tensors) => f(x.tensor(inputs)),
        values: (inputs: Inputs) => exact(x.values(inputs)),
      }));
    const scaled = fc
      .tuple(fc.constantFrom(...Object.entries(scalings)), tie('tree'), fc.constantFrom(...constants))
      .map(([[name, [f, exact]], x, c]) => ({
        text: `(${x.text} ${name} ${c})`,
        tensor: (inputs: Tensors) => f(x.tensor(inputs), c),
        values: (inputs: Inputs) => x.values(inputs).map((a) => exact(a, rational(c))),
      }));
    const combined = fc
      .tuple(fc.constantFrom(...Object.entries(operations)), tie('tree'), tie('tree'))
      .map(([[name, [f, exact]], a, b]) => ({
        text: `(${a.text} ${name} ${b.text})`,
        tensor: (inputs: Tensors) => f(a.tensor(inputs), b.tensor(inputs)),
        values: (inputs: Inputs) => {
          const right = b.values(inputs);
          return a.values(inputs).map((x, i) => exact(x, right[i]!));
        },
      }));
    return {
      tree: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'exact' },
        leaf,
        { weight: 3, arbitrary: mapped },
        { weight: 6, arbitrary: scaled },
        { weight: 5, arbitrary: combined },
      ),
    };
  });
  return tree;
}
