import {
  bind,
  select,
  type ConvAttributes,
  type HostTensors,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { referenceRuntime } from '@flowmap/runtime-reference';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { difference, evaluate, sample } from './evaluate.js';

// Beyond the contract suite's ranks: the lowering rules merge, split and drop axes.
const shapes = fc.array(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 7 });
const runs = { numRuns: 25, seed: 1 };

/** Compares what the lowering rules make of operations with the oracle. */
export function testLowerings(open: () => Promise<Runtime>): void {
  let runtime: Runtime;
  let oracle: Runtime;
  beforeAll(async () => {
    runtime = await open();
    oracle = referenceRuntime();
  });

  /** Elements are only moved, compared or summed: a few roundings of 6e-8. */
  const agrees = async (feeds: HostTensors, f: (inputs: Tensors) => Tensor, tolerance = 1e-6): Promise<void> => {
    const [got, wanted] = [await evaluate(runtime, feeds, f), await evaluate(oracle, feeds, f)];
    expect(difference(got, wanted)).toBeLessThan(tolerance);
  };

  test('transpositions of any rank', async () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([shape, permutation]) =>
        agrees({ x: sample(shape) }, ({ x }) => x!.transpose(permutation)),
      ),
      runs,
    );
  });

  test('boxes and margins of any rank', async () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), ...shape.map(() => fc.tuple(fc.nat(1), fc.nat(1)))),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([shape, ...margins]) => {
        const [before, after] = [margins.map(([left]) => left), margins.map(([, right]) => right)];
        const ends = before.map((margin, axis) => margin + shape[axis]!);
        return agrees({ x: sample(shape) }, ({ x }) => {
          const padded = x!.pad(before, after);
          const inside = padded.slice(before, ends);
          const first = padded.slice(
            before.map(() => 0),
            padded.shape.map((extent) => Math.ceil(extent / 2)),
          );
          return padded.sum().add(first.square().sum()).add(inside.mul(x!).sum());
        });
      }),
      runs,
    );
  });

  test('broadcasting, comparison and choice of any rank', async () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length })),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([shape, whole]) => {
        const narrow = shape.map((extent, axis) => (whole[axis] === true ? extent : 1));
        const other = shape.map((extent, axis) => (whole[axis] === true ? 1 : extent));
        const feeds = { x: sample(narrow, 1), y: sample(other, 2) };
        return agrees(feeds, ({ x, y }) => {
          const wide = x!.broadcastTo(shape);
          return select(x!.less(y!), x!.mul(y!), y!.sub(wide)).add(x!.equal(x!).cast('float32'));
        });
      }),
      runs,
    );
  });

  test('reductions of any rank', async () => {
    const cases = shapes.chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()]), fc.boolean()));
    await fc.assert(
      fc.asyncProperty(cases, ([shape, axes, keepDims]) =>
        agrees({ x: sample(shape) }, ({ x }) => x!.sum(axes, keepDims).add(x!.max(axes, keepDims))),
      ),
      runs,
    );
  });

  // Images large enough for several groups of the batch, odd sizes, uneven strides, and padding beyond the kernel.
  test.each([
    { x: [6, 2, 23, 25], weight: [3, 2, 3, 3], stride: [1, 1], padding: [1, 1] },
    { x: [4, 3, 11, 8], weight: [2, 3, 5, 2], stride: [3, 2], padding: [2, 0] },
    { x: [2, 3, 9, 6], weight: [5, 3, 1, 1], stride: [2, 1], padding: [0, 0] },
    { x: [2, 1, 4, 5], weight: [1, 1, 2, 3], stride: [1, 2], padding: [3, 4] },
    { x: [3, 4, 12, 9], weight: [6, 2, 3, 2], stride: [2, 1], padding: [1, 2], dilation: [2, 3], groups: 2 },
  ] as const)('convolution of $x with $weight and its adjoints', async ({ x, weight, ...geometry }) => {
    const conv: ConvAttributes = { dilation: [1, 1], groups: 1, ...geometry };
    const feeds = { x: sample(x, 1), weight: sample(weight, 2) };
    const convolve = (inputs: Tensors): Tensor => bind('conv2d', [inputs['x']!, inputs['weight']!], conv);
    // Up to 6 x 23 x 25 products are summed, in a different order from the oracle's.
    await agrees(feeds, convolve, 1e-5);
    const adjoint = { ...conv, size: [x[2], x[3]] } as const;
    await agrees(feeds, (inputs) => bind('conv2dInputGradient', [convolve(inputs), inputs['weight']!], adjoint), 1e-5);
    const size = [weight[2], weight[3]] as const;
    await agrees(
      feeds,
      (inputs) => bind('conv2dWeightGradient', [inputs['x']!, convolve(inputs)], { ...conv, size }),
      1e-5,
    );
  });
}
