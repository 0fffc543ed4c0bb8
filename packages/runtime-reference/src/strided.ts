import { stridesOf, type Shape } from '@flowmap/tensor';

/** A loop nest over several operands of different strides: `outer` axes around rows of `count` elements. */
export interface Nest {
  readonly outer: readonly number[];
  readonly count: number;
  /** Per operand, the distance in elements between neighbours along each outer axis. */
  readonly outerStrides: readonly (readonly number[])[];
  /** Per operand, the distance in elements between neighbours of a row. */
  readonly innerStrides: readonly number[];
}

/**
 * Plans a loop over all indices of a shape, with as few axes as possible: axes of extent 1 are dropped, and
 * neighbouring axes that every operand traverses without a gap are merged.
 *
 * @param shape extents of the loop
 * @param strides strides of every operand along each axis, 0 where it is repeated
 */
export function nest(shape: Shape, strides: readonly (readonly number[])[]): Nest {
  const extents: number[] = [];
  const merged = strides.map((): number[] => []);
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = extents.length - 1;
    const gapless = last >= 0 && strides.every((stride, i) => merged[i]![last] === stride[axis]! * extent);
    if (gapless) extents[last]! *= extent;
    else extents.push(extent);
    strides.forEach((stride, i) => (merged[i]![gapless ? last : last + 1] = stride[axis]!));
  });
  const inner = extents.length - 1;
  return {
    outer: extents.slice(0, Math.max(inner, 0)),
    count: extents[inner] ?? 1,
    outerStrides: merged.map((stride) => stride.slice(0, Math.max(inner, 0))),
    innerStrides: merged.map((stride) => stride[inner] ?? 1),
  };
}

/** Calls `row` once for every row of the nest with the index of its first element in each operand. */
export function forEachRow({ outer, outerStrides }: Nest, row: (offsets: Readonly<Int32Array>) => void): void {
  const offsets = new Int32Array(outerStrides.length);
  const index = new Int32Array(outer.length);
  for (;;) {
    row(offsets);
    let axis = outer.length - 1;
    for (; axis >= 0; axis--) {
      const wraps = ++index[axis]! === outer[axis];
      if (wraps) index[axis] = 0;
      for (let i = 0; i < offsets.length; i++) {
        offsets[i]! += outerStrides[i]![axis]! * (wraps ? 1 - outer[axis]! : 1);
      }
      if (!wraps) break;
    }
    if (axis < 0) return;
  }
}

/** Strides of an operand along the axes of the result that it is broadcast to: 0 where it is repeated. */
export function broadcastStrides(shape: Shape, result: Shape): number[] {
  const strides = stridesOf(shape);
  return result.map((_, axis) => (shape.length === 0 || shape[axis] === 1 ? 0 : strides[axis]!));
}
