import { attention, bind, conv2d, convTranspose2d, linear, type ConvOptions, type Tensor } from '@flowmap/tensor';
import { at, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { extent, narrower, shape, shown } from './shapes.js';

export const matmul: fc.Arbitrary<Case> = fc
  .record({ batch: shape(0, 4), m: extent, k: extent, n: extent, transposeA: fc.boolean(), transposeB: fc.boolean() })
  .map(({ batch, m, k, n, transposeA, transposeB }) => {
    const a = [...batch, ...(transposeA ? [k, m] : [m, k])];
    const b = [...batch, ...(transposeB ? [n, k] : [k, n])];
    const name = `${shown(a)}${transposeA ? 'ᵀ' : ''} times ${shown(b)}${transposeB ? 'ᵀ' : ''}`;
    return at(name, [normal(a), normal(b)], (x, y) => bind('matmul', [x, y], { transposeA, transposeB }));
  });

export const affine: fc.Arbitrary<Case> = fc
  .record({ leading: shape(0, 5), k: extent, n: extent, biased: fc.boolean() })
  .map(({ leading, k, n, biased }) => {
    const shapes = [[...leading, k], [k, n], ...(biased ? [[n]] : [])];
    return at(`linear of ${shown(...shapes)}`, shapes.map(normal), (x, w, b) => linear(x, w, b));
  });

export const attending: fc.Arbitrary<Case> = fc
  .record({ leading: shape(0, 4), tokens: extent, keys: extent, d: extent, dv: extent })
  .map(({ leading, tokens, keys, d, dv }) => {
    const shapes = [
      [tokens, d],
      [keys, d],
      [keys, dv],
    ].map((last) => [...leading, ...last]);
    return at(`attention of ${shown(...shapes)}`, shapes.map(normal), attention);
  });

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Multi-head attention with tokens before heads, as products leave them. */
export const heads: fc.Arbitrary<Case> = fc
  .record({ batch: extent, tokens: extent, keys: extent, count: extent, d: extent, dv: extent })
  .map(({ batch, tokens, keys, count, d, dv }) => {
    const shapes = [
      [batch, tokens, count, d],
      [batch, keys, count, d],
      [batch, keys, count, dv],
    ];
    const swap = (x: Tensor): Tensor => x.transpose([0, 2, 1, 3]);
    return at(`attention of heads ${shown(...shapes)}`, shapes.map(normal), (q, k, v) =>
      swap(attention(swap(q), swap(k), swap(v))),
    );
  });

/** A convolution whose kernel fits the padded image, part of which is unread if the stride does not divide. */
const geometry = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    channels: pair(1, 2),
    groups: fc.integer({ min: 1, max: 3 }),
    kernel: pair(1, 3),
    stride: pair(1, 3),
    dilation: pair(1, 2),
    padding: pair(0, 2),
    more: pair(0, 4),
  })
  .map(({ n, channels: [c, o], more, ...options }) => {
    const { groups, kernel, dilation, padding } = options;
    const reach = [0, 1].map((i) => dilation[i]! * (kernel[i]! - 1) + 1);
    const image = [0, 1].map((i) => Math.max(1, reach[i]! - 2 * padding[i]!) + more[i]!);
    return { ...options, image: [n, groups * c, ...image], weight: [groups * o, c, ...kernel], n, c, o };
  });

const described = (options: Required<ConvOptions>): string =>
  `stride ${String(options.stride)}, padding ${String(options.padding)}, dilation ${String(options.dilation)}, ${options.groups} groups`;

export const convolution: fc.Arbitrary<Case> = geometry.map(({ image, weight, stride, padding, dilation, groups }) => {
  const options = { stride, padding, dilation, groups };
  return at(`conv2d of ${shown(image, weight)}, ${described(options)}`, [normal(image), normal(weight)], (x, w) =>
    conv2d(x, w, options),
  );
});

/** A convolution with a bias per channel. */
export const biasedConvolution: fc.Arbitrary<Case> = convolution.map(({ name, args, f }) => {
  const channels = args[1]!.shape[0]!;
  return at(`${name}, with a bias`, [...args, normal([channels])], (x, w, b) =>
    f(x, w).add(b.reshape([1, channels, 1, 1])),
  );
});

/** A product with an addend that broadcasts to it. */
export const addedProduct: fc.Arbitrary<Case> = fc
  .tuple(extent, extent, extent)
  .chain(([m, k, n]) => narrower([m, n]).map((addend) => [[m, k], [k, n], addend]))
  .map((shapes) =>
    at(`${shown(...shapes)}, the last added to the product`, shapes.map(normal), (a, b, c) => c.add(a.matmul(b))),
  );

export const transposedConvolution: fc.Arbitrary<Case> = fc
  .tuple(geometry, pair(1, 3), pair(0, 2))
  .map(([{ n, c, o, kernel, stride, padding, dilation, groups }, size, extra]) => {
    const options = { stride, padding, dilation, groups };
    const outputPadding = [0, 1].map((i) => extra[i]! % stride[i]!) as [number, number];
    // Large enough that no result is empty.
    const least = [0, 1].map((i) => Math.ceil((2 * padding[i]! + 1) / stride[i]!) + 1);
    const image = [n, groups * c, ...least.map((extent, i) => Math.max(extent, size[i]!))];
    const weight = [groups * c, o, ...kernel];
    const name = `convTranspose2d of ${shown(image, weight)}, ${described(options)}, output padding ${String(outputPadding)}`;
    return at(name, [normal(image), normal(weight)], (x, w) => convTranspose2d(x, w, { ...options, outputPadding }));
  });
