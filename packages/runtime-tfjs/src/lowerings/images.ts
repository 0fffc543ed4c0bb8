import { reduce } from '../operations/arithmetic.js';
import { broadcast, reshape } from '../operations/layout.js';
import type { Lowerings } from './lowering.js';

export const images: Lowerings<'sumPool2d' | 'upsample2d'> = {
  sumPool2d: (emit, [x], { factor }, { shape }) => {
    const [n, c, h, w] = shape as [number, number, number, number];
    const blocks = reshape(emit, x!, [n * c * h, factor, w, factor]);
    return reshape(emit, reduce(emit, 'Sum', blocks, [1, 3], false), shape);
  },
  upsample2d: (emit, [x], { factor }, { shape }) => {
    const [n, c, h, w] = x!.shape as [number, number, number, number];
    const pixels = reshape(emit, x!, [n * c * h, 1, w, 1]);
    return reshape(emit, broadcast(emit, pixels, [n * c * h, factor, w, factor]), shape);
  },
};
