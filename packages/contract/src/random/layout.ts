import { concat, input, sizeOf, split, tile, type Shape, type Tensor } from '@flowmap/tensor';
import { at, coins, integers, normal, type Case, type Sample } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { extent, shape, shapeAndAxis, shown } from './shapes.js';

/** A change of layout, in words and as a function; it depends on the shape it is applied to. */
interface Move {
  readonly name: string;
  readonly f: (x: Tensor) => Tensor;
}

/** Integers that select, as many as a move of six axes needs. */
const choices = fc.array(fc.nat(1e6), { minLength: 12, maxLength: 12 });

/** Moves by name, from the shape to move and the numbers that select among the possibilities. */
const moves: Readonly<Record<string, (shape: Shape, choice: readonly number[]) => Move>> = {
  reshape: (shape, choice) => {
    const target = factors(sizeOf(shape), choice);
    return { name: `reshape to ${shown(target)}`, f: (x) => x.reshape(target) };
  },
  transpose: (shape, choice) => {
    const order = shape.map((_, axis) => axis).sort((a, b) => choice[a]! - choice[b]!);
    return { name: `transpose by ${order.join()}`, f: (x) => x.transpose(order) };
  },
  slice: (shape, choice) => {
    const starts = shape.map((n, axis) => choice[axis]! % n);
    const ends = shape.map((n, axis) => starts[axis]! + 1 + (choice[axis + 6]! % (n - starts[axis]!)));
    return { name: `slice ${starts.join()} to ${ends.join()}`, f: (x) => x.slice(starts, ends) };
  },
  pad: (shape, choice) => {
    const [before, after] = [shape.map((_, axis) => choice[axis]! % 3), shape.map((_, axis) => choice[axis + 6]! % 3)];
    return { name: `pad ${before.join()} and ${after.join()}`, f: (x) => x.pad(before, after) };
  },
  flip: (shape, choice) => {
    const axes = shape.flatMap((_, axis) => (choice[axis]! % 2 === 0 ? [axis] : []));
    return { name: `flip ${axes.join()}`, f: (x) => x.flip(axes) };
  },
  broadcastTo: (shape, choice) => {
    const target = shape.map((n, axis) => (n === 1 ? 1 + (choice[axis]! % 3) : n));
    return { name: `broadcast to ${shown(target)}`, f: (x) => x.broadcastTo(target) };
  },
  tile: (shape, choice) => {
    const repeats = shape.map((_, axis) => 1 + (choice[axis]! % 2));
    return { name: `tile ${repeats.join()}`, f: (x) => tile(x, repeats) };
  },
  concat: (shape, choice) => {
    const axis = choice[0]! % Math.max(shape.length, 1);
    return shape.length === 0
      ? { name: 'nothing', f: (x) => x }
      : { name: `concat with itself along ${axis}`, f: (x) => concat([x, x], axis) };
  },
};

/** A factorization of a size into up to six extents. */
function factors(size: number, choice: readonly number[]): number[] {
  const extents: number[] = [];
  let rest = size;
  for (let axis = 0; axis < choice[11]! % 6; axis++) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((n) => rest % n === 0);
    const extent = divisors[choice[axis]! % divisors.length]!;
    extents.push(extent);
    rest /= extent;
  }
  return rest === 1 && choice[10]! % 2 === 0 ? extents : [...extents, rest];
}

/** Limit on the elements of a chain's results. */
const largest = 256;

const samples: Readonly<Record<string, (shape: Shape) => Sample>> = {
  float32: normal,
  int32: (shape) => integers(shape, -100, 100),
  bool: coins,
};

/** The moves that a chain applies to a shape, without those that lead to more than six axes or too many elements. */
function movesFrom(from: Shape, chain: readonly (readonly [name: string, choice: readonly number[]])[]): Move[] {
  let shape = from;
  return chain.flatMap(([name, choice]) => {
    const move = moves[name]!(shape, choice);
    const next = move.f(input('x', shape)).shape;
    if (sizeOf(next) > largest || next.length > 6) return [];
    shape = next;
    return [move];
  });
}

/** Up to four moves in sequence, of any dtype, between two squares if it is a float. */
export const moved: fc.Arbitrary<Case> = fc
  .tuple(
    fc.constantFrom('float32', 'float32', 'float32', 'int32', 'bool'),
    shape(),
    fc.array(fc.tuple(fc.constantFrom(...Object.keys(moves)), choices), { minLength: 1, maxLength: 4 }),
  )
  .map(([dtype, from, chain]) => {
    const taken = movesFrom(from, chain);
    const squared = (x: Tensor): Tensor => (dtype === 'float32' ? x.square() : x);
    return at(`${dtype} ${shown(from)}: ${taken.map(({ name }) => name).join(', ')}`, [samples[dtype]!(from)], (x) =>
      squared(taken.reduce((y, { f }) => f(y), squared(x))),
    );
  });

export const joined: fc.Arbitrary<Case> = fc
  .tuple(shapeAndAxis(), fc.array(extent, { minLength: 1, maxLength: 3 }))
  .map(([{ shape, axis }, extents]) => {
    const shapes = extents.map((extent) => shape.with(axis, extent));
    return at(`concat of ${shown(...shapes)} along ${axis}`, shapes.map(normal), (...xs) =>
      concat(
        xs.map((x) => x.square()),
        axis,
      ),
    );
  });

export const cut: fc.Arbitrary<Case> = fc
  .tuple(shapeAndAxis(), fc.integer({ min: 1, max: 3 }))
  .map(([{ shape, axis }, pieces]) => {
    const whole = shape.with(axis, shape.at(axis)! * pieces);
    return at(`split of ${shown(whole)} into ${pieces} along ${axis}`, [normal(whole)], (x) =>
      split(x, pieces, axis).reduce((product, piece) => product.mul(piece)),
    );
  });
