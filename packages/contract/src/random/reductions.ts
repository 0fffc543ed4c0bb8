import { logSoftmax, logSumExp, type Tensor } from '@flowmap/tensor';
import { at, distinct, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { shape, shapeAndAxesOf, shapeAndAxis, shown } from './shapes.js';

type Reduction = (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor;

/** The square gives linear reductions second derivatives. */
const reductions: Readonly<Record<string, Reduction>> = {
  sum: (x, axes, keepDims) => x.square().sum(axes, keepDims),
  mean: (x, axes, keepDims) => x.square().mean(axes, keepDims),
  max: (x, axes, keepDims) => x.max(axes, keepDims).square(),
  min: (x, axes, keepDims) => x.min(axes, keepDims).square(),
  logSumExp,
};

export const reduction: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(...Object.entries(reductions)), shapeAndAxesOf(shape()), fc.boolean())
  .map(([[name, reduce], { shape, axes }, keepDims]) =>
    at(`${name} of ${shown(shape)} over ${axes.join()}${keepDims ? ', kept' : ''}`, [distinct(shape)], (x) =>
      reduce(x, axes, keepDims),
    ),
  );

const lines: Readonly<Record<string, (x: Tensor, axis: number) => Tensor>> = {
  softmax: (x) => x.softmax(),
  logSoftmax: (x) => logSoftmax(x),
  argMax: (x, axis) => x.argMax(axis),
  argMin: (x, axis) => x.argMin(axis),
};

export const alongAxis: fc.Arbitrary<Case> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...Object.entries(lines)), shapeAndAxis())
    .map(([[name, f], { shape, axis }]) =>
      at(`${name} of ${shown(shape)} along ${axis}`, [distinct(shape)], (x) => f(x, axis)),
    ),
  fc
    .tuple(shapeAndAxis(), fc.record({ exclusive: fc.boolean(), reverse: fc.boolean() }))
    .map(([{ shape, axis }, options]) =>
      at(`cumsum of ${shown(shape)} along ${axis}, ${JSON.stringify(options)}`, [normal(shape)], (x) =>
        x.square().cumsum(axis, options),
      ),
    ),
);
