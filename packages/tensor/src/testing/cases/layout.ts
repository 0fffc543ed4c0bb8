import { concat } from '../../library/functions.js';
import type { Primitive } from '../../graph/primitives.js';
import { bind, constant, type Tensor } from '../../graph/tensor.js';
import { at, type Case } from '../case.js';
import { coins, integers, normal } from '../samples.js';

/** Moving elements is simple, but each dtype takes its own path. */
const everyDType = (shape: readonly number[], f: (x: Tensor) => Tensor): Case[] => [
  at('float32', [normal(shape)], f),
  at('int32', [integers(shape, -100, 100)], f),
  at('bool', [coins(shape)], f),
];

type Layout = 'reshape' | 'transpose' | 'broadcastTo' | 'slice' | 'pad' | 'concat' | 'flip';

export const layoutCases: { readonly [P in Primitive & Layout]: readonly Case[] } = {
  reshape: [
    ...everyDType([2, 6], (x) => x.reshape([3, -1])),
    at('to a scalar', [normal([1, 1])], (x) => x.reshape([])),
    at('from a scalar', [normal([])], (x) => x.reshape([1, 1, 1])),
    at('of a product', [normal([2, 6])], (x) => x.square().reshape([2, 2, 3]).square()),
  ],
  transpose: [
    ...everyDType([2, 3], (x) => x.transpose([1, 0])),
    at('[0, 2, 1]', [normal([2, 3, 4])], (x) => x.square().transpose([0, 2, 1])),
    at('[2, 0, 1]', [normal([2, 3, 4])], (x) => x.square().transpose([2, 0, 1])),
    at('[0, 2, 3, 1]', [normal([2, 3, 4, 5])], (x) => x.square().transpose([0, 2, 3, 1])),
    at('[0, 2, 1, 3, 4]', [normal([2, 3, 2, 2, 3])], (x) => x.square().transpose([0, 2, 1, 3, 4])),
    at('[0, 4, 1, 3, 2] with extents of 1', [normal([2, 1, 2, 1, 3])], (x) => x.square().transpose([0, 4, 1, 3, 2])),
    at('identity', [normal([2, 3])], (x) => bind('transpose', [x], { permutation: [0, 1] }).square()),
  ],
  broadcastTo: [
    ...everyDType([2, 1], (x) => x.broadcastTo([2, 3])),
    at('of a scalar', [normal([])], (x) => x.square().broadcastTo([2, 3])),
    at('over several axes', [normal([1, 3, 1, 2])], (x) => x.square().broadcastTo([4, 3, 2, 2]).square()),
    at('where it stays', [normal([2, 3])], (x) => bind('broadcastTo', [x], { shape: [2, 3] }).square()),
  ],
  slice: [
    ...everyDType([5], (x) => x.slice([1], [4])),
    at('every axis', [normal([4, 5, 3])], (x) => x.square().slice([1, 0, 2], [3, 4, 3])),
    at('of a slice', [normal([6, 4])], (x) => x.slice([1, 0], [5, 3]).square().slice([1, 1], [3, 2])),
    at('images', [normal([2, 3, 4, 4])], (x) => x.square().slice([0, 1, 0, 1], [2, 3, 3, 4])),
  ],
  pad: [
    ...everyDType([3], (x) => x.pad([1], [2])),
    at('every axis', [normal([2, 3, 2])], (x) => x.square().pad([1, 0, 2], [0, 3, 1])),
    at('images', [normal([2, 3, 4, 4])], (x) => x.square().pad([0, 0, 1, 2], [0, 0, 2, 1])),
    at('by nothing', [normal([2, 3])], (x) => x.pad([0, 0], [0, 0]).square()),
  ],
  concat: [
    at('int32', [integers([2], 0, 9), integers([3], 0, 9)], (a, b) => concat([a, b], 0)),
    at('bool', [coins([2]), coins([3])], (a, b) => concat([a, b], 0)),
    at('first axis', [normal([1, 3]), normal([2, 3])], (a, b) => concat([a, b.square()], 0)),
    at('last axis of three', [normal([2, 1]), normal([2, 3]), normal([2, 2])], (a, b, c) =>
      concat([a.mul(2), b, c.square()], -1),
    ),
    at('channels of images', [normal([2, 3, 2, 2]), normal([2, 1, 2, 2])], (a, b) => concat([a.square(), b], 1)),
    at('with a constant', [normal([2, 2])], (a) => concat([a.square(), constant([1, 2], [2, 1], a.dtype)], 1)),
    at('one tensor twice', [normal([3])], (a) => concat([a, a.square()], 0)),
    at('alone', [normal([3])], (a) => concat([a], 0).square()),
  ],
  flip: [
    ...everyDType([2, 3], (x) => x.flip([1])),
    at('first axis', [normal([3, 2])], (x) => x.square().flip([0])),
    at('first and last of three', [normal([2, 3, 4])], (x) => x.square().flip([0, -1])),
    at('images, both ways', [normal([2, 3, 2, 4])], (x) => x.square().flip([2, 3])),
    at('twice', [normal([5])], (x) => x.flip([0]).square().flip([0])),
    at('of one element', [normal([2, 1])], (x) => bind('flip', [x], { axes: [1] }).square()),
  ],
};
