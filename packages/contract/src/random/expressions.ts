import { select, sumTo, type Shape, type Tensor } from '@flowmap/tensor';
import { at, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { narrower, shape, shown } from './shapes.js';

/** A function of tensors that broadcast to one shape, and its text. */
interface Expression {
  readonly text: string;
  readonly f: (leaves: readonly Tensor[]) => Tensor;
}

/** Smooth, and bounded enough that nesting a few of them stays tame. */
const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  '-': (x) => x.neg(),
  sin: (x) => x.sin(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  silu: (x) => x.silu(),
  sq: (x) => x.tanh().square(),
  half: (x) => x.mul(0.5),
  third: (x) => x.div(3),
  twice: (x) => x.add(x),
  shifted: (x) => x.add(0.25),
  rest: (x) => x.sub(x.mul(0.75)),
};

const operations: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  '+': (a, b) => a.add(b),
  '-': (a, b) => a.sub(b),
  '*': (a, b) => a.tanh().mul(b),
  '/': (a, b) => a.div(b.square().add(1)),
  'if<': (a, b) => select(a.sin().less(2), a, b),
};

/** Moves that preserve the shape, which simplification takes apart, merges or moves. */
const movesOf = (wide: Shape): Readonly<Record<string, (x: Tensor) => Tensor>> => ({
  flat: (x) => x.reshape([-1]).reshape(x.shape),
  turned: (x) => (x.rank < 2 ? x : x.transpose(x.shape.map((_, i) => x.rank - 1 - i)).flip([0])).reshape(x.shape),
  total: (x) => (x.rank === 0 ? x.sum() : x.mean([-1], true)),
  wide: (x) => (x.rank === wide.length ? x.broadcastTo(wide) : x),
  padded: (x) =>
    x
      .pad(
        x.shape.map(() => 1),
        x.shape.map(() => 0),
      )
      .slice(
        x.shape.map(() => 0),
        x.shape,
      ),
  narrowed: (x) => (x.rank === 0 ? x : sumTo(x, x.shape.with(0, 1)).mul(0.25)),
});

function expression(wide: Shape, leaves: number): fc.Arbitrary<Expression> {
  const moves = movesOf(wide);
  const { tree } = fc.letrec<{ tree: Expression }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'expression', withCrossShrink: true },
      fc.nat(leaves - 1).map((i) => ({ text: `x${i}`, f: (all: readonly Tensor[]) => all[i]! })),
      fc.tuple(fc.constantFrom(...Object.entries({ ...functions, ...moves })), tie('tree')).map(([[name, f], x]) => ({
        text: `${name}(${x.text})`,
        f: (all: readonly Tensor[]) => f(x.f(all)),
      })),
      fc.tuple(fc.constantFrom(...Object.entries(operations)), tie('tree'), tie('tree')).map(([[name, f], a, b]) => ({
        text: `(${a.text} ${name} ${b.text})`,
        f: (all: readonly Tensor[]) => f(a.f(all), b.f(all)),
      })),
    ),
  }));
  return tree;
}

/** Trees of functions, operations and moves over one to three tensors. */
export const expressions: fc.Arbitrary<Case> = shape()
  .chain((wide) => fc.tuple(fc.constant(wide), fc.array(narrower(wide), { minLength: 1, maxLength: 3 })))
  .chain(([wide, shapes]) => fc.tuple(fc.constant(shapes), expression(wide, shapes.length)))
  .map(([shapes, { text, f }]) => at(`${text} at ${shown(...shapes)}`, shapes.map(normal), (...xs) => f(xs)));
