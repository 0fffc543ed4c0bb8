import { conv2d } from '@flowmap/tensor';
import { at, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { narrower, shapeAndAxesOf, shown } from './shapes.js';

// Sizes around those at which runtimes choose between algorithms: long rows and columns, many channels, large maps.
const extent = fc.constantFrom(1, 2, 7, 8, 9, 15, 16, 17, 33);
const channels = fc.constantFrom(1, 3, 15, 16, 17);

const sum: fc.Arbitrary<Case> = fc
  .tuple(shapeAndAxesOf(fc.array(extent, { minLength: 1, maxLength: 3 })), fc.boolean())
  .map(([{ shape, axes }, keepDims]) =>
    at(`sum of ${shown(shape)} over ${axes.join()}${keepDims ? ', kept' : ''}`, [normal(shape)], (x) =>
      x.square().sum(axes, keepDims),
    ),
  );

const product: fc.Arbitrary<Case> = fc
  .tuple(extent, extent, extent)
  .chain(([m, k, n]) => narrower([m, n]).map((addend) => [[m, k], [k, n], addend]))
  .map((shapes) =>
    at(`${shown(...shapes)}, the last added to the product`, shapes.map(normal), (a, b, c) => a.matmul(b).add(c)),
  );

const convolution: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    c: channels,
    o: channels,
    kernel: fc.integer({ min: 1, max: 4 }),
    padding: fc.nat(3),
    stride: fc.constantFrom(1, 1, 1, 2),
    size: fc.tuple(fc.integer({ min: 4, max: 18 }), fc.integer({ min: 4, max: 18 })),
  })
  .map(({ n, c, o, kernel, padding, stride, size }) => {
    const shapes = [[n, c, ...size], [o, c, kernel, kernel], [o]];
    const name = `conv2d of ${shown(...shapes)}, stride ${stride}, padding ${padding}`;
    return at(name, shapes.map(normal), (x, w, b) => conv2d(x, w, { stride, padding }).add(b.reshape([1, o, 1, 1])));
  });

/** Random cases with sizes at which runtimes choose between algorithms. */
export const largeFamilies: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  'large sums': sum,
  'large products': product,
  'large convolutions': convolution,
};
