import { broadcastShapes, stridesOf } from '@flowmap/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastStrides, forEachRow, nest } from './strided.js';

/** The offsets that a nest visits, one list per operand. */
function visited(plan: ReturnType<typeof nest>): number[][] {
  const lists = plan.innerStrides.map((): number[] => []);
  forEachRow(plan, (offsets) => {
    for (let i = 0; i < plan.count; i++) {
      lists.forEach((list, operand) => list.push(offsets[operand]! + i * plan.innerStrides[operand]!));
    }
  });
  return lists;
}

/** The same, by counting through every index. */
function counted(shape: readonly number[], strides: readonly (readonly number[])[]): number[][] {
  const size = shape.reduce((n, extent) => n * extent, 1);
  const own = stridesOf(shape);
  return strides.map((stride) =>
    Array.from({ length: size }, (_, flat) =>
      shape.reduce((offset, extent, axis) => offset + (Math.floor(flat / own[axis]!) % extent) * stride[axis]!, 0),
    ),
  );
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 });

describe('nest', () => {
  it('visits every index of every operand in row-major order', () => {
    const strided = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(fc.tuple(...shape.map(() => fc.nat(20))), { minLength: 1, maxLength: 3 })),
    );
    fc.assert(
      fc.property(strided, ([shape, strides]) => {
        expect(visited(nest(shape, strides))).toEqual(counted(shape, strides));
      }),
    );
  });

  it('visits broadcast operands so', () => {
    const pairs = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.tuple(...shape.map((n) => fc.constantFrom(1, n)))),
    );
    fc.assert(
      fc.property(pairs, ([wide, narrow]) => {
        const shape = broadcastShapes('test', [wide, narrow]);
        const strides = [broadcastStrides(narrow, shape), stridesOf(shape)];
        expect(visited(nest(shape, strides))).toEqual(counted(shape, strides));
      }),
    );
  });

  it('makes one row of memory without gaps', () => {
    const own = stridesOf([2, 1, 3, 4]);
    expect(nest([2, 1, 3, 4], [own, own])).toMatchObject({ outer: [], count: 24, innerStrides: [1, 1] });
    expect(nest([2, 3, 4], [broadcastStrides([], [2, 3, 4])])).toMatchObject({
      outer: [],
      count: 24,
      innerStrides: [0],
    });
    expect(nest([2, 3, 4], [broadcastStrides([1, 3, 4], [2, 3, 4])])).toMatchObject({ outer: [2], count: 12 });
    expect(nest([], [[]])).toMatchObject({ outer: [], count: 1 });
  });
});
