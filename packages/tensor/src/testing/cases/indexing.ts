import type { Primitive } from '../../graph/primitives.js';
import { bind, constant } from '../../graph/tensor.js';
import { at, type Case } from '../case.js';
import { coins, integers, normal } from '../samples.js';

type Indexing = 'gather' | 'scatterAdd';

export const indexingCases: { readonly [P in Primitive & Indexing]: readonly Case[] } = {
  gather: [
    at('rows', [normal([5, 3]), integers([4], 0, 5)], (x, i) => x.square().gather(i)),
    at('one row', [normal([5, 3]), integers([], 0, 5)], (x, i) => x.square().gather(i)),
    at('numbers', [normal([5]), integers([2, 3], 0, 5)], (x, i) => x.square().gather(i)),
    at('images by two axes of indices', [normal([4, 2, 3]), integers([2, 3], 0, 4)], (x, i) => x.square().gather(i)),
    at('the same row again', [normal([2, 3])], (x) => x.gather(constant([1, 1, 0, 1], [4], 'int32')).square()),
    at('int32', [integers([5, 2], -9, 9), integers([3], 0, 5)], (x, i) => x.gather(i)),
    at('bool', [coins([5, 2]), integers([3], 0, 5)], (x, i) => x.gather(i)),
  ],
  scatterAdd: [
    at('rows', [normal([4, 3]), integers([4], 0, 5)], (rows, i) =>
      bind('scatterAdd', [rows.square(), i], { count: 5 }),
    ),
    at('one row', [normal([3]), integers([], 0, 5)], (row, i) => bind('scatterAdd', [row.square(), i], { count: 5 })),
    at('numbers', [normal([2, 3]), integers([2, 3], 0, 4)], (x, i) =>
      bind('scatterAdd', [x.square(), i], { count: 4 }),
    ),
    at('many to few', [normal([40, 2]), integers([40], 0, 2)], (x, i) =>
      bind('scatterAdd', [x, i], { count: 2 }).square(),
    ),
  ],
};
