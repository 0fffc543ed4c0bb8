import type { Shape } from '@flowmap/tensor';
import fc from 'fast-check';

/** Extents small enough that a hundred cases are one small program. */
export const extent = fc.integer({ min: 1, max: 4 });

/** Shapes with a rank in the given range; those with more than four axes have extents of 1 and 2. */
export function shape(min = 0, max = 6): fc.Arbitrary<Shape> {
  return fc
    .integer({ min, max })
    .chain((rank) =>
      fc.array(rank > 4 ? fc.integer({ min: 1, max: 2 }) : extent, { minLength: rank, maxLength: rank }),
    );
}

/** A shape that broadcasts to the given one: a scalar, or some axes of extent 1. */
export function narrower(wide: Shape): fc.Arbitrary<Shape> {
  const axes = wide.map((n) => fc.constantFrom(n, n, 1));
  return fc.oneof({ weight: 4, arbitrary: fc.tuple(...axes) }, { weight: 1, arbitrary: fc.constant([]) });
}

/** The given number of shapes that broadcast to one another. */
export function broadcasting(count: number): fc.Arbitrary<Shape[]> {
  return shape().chain((wide) => fc.tuple(...Array.from({ length: count }, () => narrower(wide))));
}

/** A shape and some of its axes, possibly none or all, in any order and counted from either end. */
export function shapeAndAxesOf(shapes: fc.Arbitrary<Shape>): fc.Arbitrary<{ shape: Shape; axes: number[] }> {
  return shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc
        .shuffledSubarray(shape.map((_, axis) => axis))
        .chain((axes) => fc.tuple(...axes.map((axis) => fc.constantFrom(axis, axis - shape.length)))),
    }),
  );
}

/** A shape and one of its axes, counted from either end. */
export function shapeAndAxis(): fc.Arbitrary<{ shape: Shape; axis: number }> {
  return shape(1).chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.integer({ min: -shape.length, max: shape.length - 1 }) }),
  );
}

/** `[2, 3] with [1, 3]`. */
export function shown(...shapes: readonly Shape[]): string {
  return shapes.map((shape) => `[${shape.join(', ')}]`).join(' with ');
}
