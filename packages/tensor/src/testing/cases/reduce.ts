import type { Primitive } from '../../graph/primitives.js';
import { at, kink, type Case } from '../case.js';
import { distinct, fixed, integers, normal } from '../samples.js';

type Reduction = 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax';

const axes: readonly (readonly number[])[] = [[0], [1], [-1], [0, 2], [1, 2], [0, 1, 2]];

export const reduceCases: { readonly [P in Primitive & Reduction]: readonly Case[] } = {
  sum: [
    ...axes.flatMap((axes) =>
      [false, true].map((keepDims) =>
        at(`over ${axes.join(', ')}${keepDims ? ', kept' : ''}`, [normal([2, 3, 4])], (x) =>
          x.square().sum(axes, keepDims),
        ),
      ),
    ),
    at('over no axis', [normal([2, 3])], (x) => x.square().sum([])),
    at('of a scalar', [normal([])], (x) => x.square().sum()),
    at('over pixels', [normal([2, 3, 4, 5])], (x) => x.square().sum([2, 3])),
    at('over the batch', [normal([2, 3, 4, 5])], (x) => x.square().sum([0], true)),
    at('of many', [normal([2000])], (x) => x.sin().sum()),
    at('int32', [integers([3, 4], -9, 9)], (x) => x.sum([1])),
    at('large int32', [integers([4], 16_777_210, 16_777_240)], (x) => x.sum()),
  ],
  reduceMax: [
    ...axes.flatMap((axes) =>
      [false, true].map((keepDims) =>
        at(`over ${axes.join(', ')}${keepDims ? ', kept' : ''}`, [distinct([2, 3, 4])], (x) =>
          x.max(axes, keepDims).square(),
        ),
      ),
    ),
    at('all negative', [fixed([2, 2], [-3, -2, -5, -7])], (x) => x.max([1])),
    kink('ties', [fixed([3, 4], [1, 2, 2, 0, 5, 5, 5, 5, -1, -1, -2, -3])], (x) => x.max([1]).square()),
    at('int32', [integers([3, 4], -90, -9)], (x) => x.max([0])),
    at('least int32', [integers([3, 4], -90, 90)], (x) => x.min([0])),
    at('least int32, kept', [integers([2, 3, 4], -90, 90)], (x) => x.min([0, 2], true)),
  ],
  argMax: [
    ...[0, 1, -1].map((axis) => at(`along axis ${String(axis)}`, [distinct([2, 3, 4])], (x) => x.argMax(axis))),
    at('of a vector', [distinct([7])], (x) => x.argMax(0)),
    kink('ties', [fixed([2, 3], [1, 2, 2, 5, 5, 5])], (x) => x.argMax(1)),
    at('least', [distinct([3, 5])], (x) => x.argMin(1)),
    at('as an index', [distinct([4, 3])], (x) => x.square().gather(x.argMax(0))),
  ],
  cumsum: [
    ...[0, 1, -1].flatMap((axis) =>
      [false, true].flatMap((exclusive) =>
        [false, true].map((reverse) =>
          at(
            `along axis ${String(axis)}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`,
            [normal([2, 3, 4])],
            (x) => x.square().cumsum(axis, { exclusive, reverse }),
          ),
        ),
      ),
    ),
    at('of one element', [normal([3, 1])], (x) => x.square().cumsum(1, { exclusive: true })),
  ],
  softmax: [
    at('[5]', [normal([5])], (x) => x.softmax()),
    at('[3, 4]', [normal([3, 4])], (x) => x.softmax()),
    at('[2, 3, 4]', [normal([2, 3, 4])], (x) => x.softmax()),
    at('[2, 2, 3, 4]', [normal([2, 2, 3, 4])], (x) => x.softmax()),
    at('one class', [normal([3, 1])], (x) => x.softmax()),
    at('of large numbers', [fixed([2, 3], [1000, 999, 998, -1000, -1001, -1003])], (x) => x.softmax()),
  ],
};
