import { stopGradient } from '../../library/functions.js';
import type { Primitive } from '../../graph/primitives.js';
import { bind, constant, full } from '../../graph/tensor.js';
import { at, kink, type Case } from '../case.js';
import { coins, integers, normal } from '../samples.js';
import { binaryCases, castCases, selectCases, unaryCases } from './elementwise.js';
import { indexingCases } from './indexing.js';
import { layoutCases } from './layout.js';
import { productCases } from './products.js';
import { reduceCases } from './reduce.js';

/** Cases of every primitive; one without is a compile error. */
export const primitiveCases: { readonly [P in Primitive]: readonly Case[] } = {
  input: [
    at('float32', [normal([2, 3])], (x) => x),
    at('int32', [integers([4], -9, 9)], (x) => x),
    at('bool', [coins([5])], (x) => x),
    at('scalar', [normal([])], (x) => x),
  ],
  constant: [
    at('numbers', [], () => constant([1, 2.5, -3, 1e-20, 1e20, 0], [2, 3])),
    at('one number everywhere', [], () => full(0.1, [2, 3])),
    at('int32', [], () => constant([1, -2, 2_000_000_000], [3], 'int32')),
    at('bool', [], () => constant([1, 0, 0, 1], [2, 2], 'bool')),
    at('large', [], () =>
      constant(
        Array.from({ length: 70 * 41 }, (_, i) => Math.sin(i)),
        [70, 41],
      ),
    ),
    at('infinite', [], () => constant([Infinity, -Infinity, 0], [3])),
    at('beside a variable', [normal([2, 3])], (x) =>
      x.mul(constant([1, 2, 3], [1, 3], x.dtype)).add(full(2, [2, 1], x.dtype)),
    ),
  ],
  ...unaryCases,
  ...binaryCases,
  select: selectCases,
  cast: castCases,
  identity: [at('of a product', [normal([3])], (x) => bind('identity', [x.square()], {}).square())],
  stopGradient: [
    kink('alone', [normal([3])], (x) => stopGradient(x)),
    kink('in a product', [normal([3])], (x) => x.square().mul(stopGradient(x))),
  ],
  ...layoutCases,
  ...indexingCases,
  ...reduceCases,
  ...productCases,
};
