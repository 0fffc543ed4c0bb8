import {
  averagePool2d,
  depthToSpace,
  groupNorm,
  layerNorm,
  maxPool2d,
  pixelNorm,
  resize2d,
  rmsNorm,
  spaceToDepth,
} from '@flowmap/tensor';
import { at, awayFromZero, distinct, normal, type Case } from '@flowmap/tensor/testing';
import fc from 'fast-check';
import { extent, shape, shown } from './shapes.js';

const small = fc.integer({ min: 1, max: 2 });
const factor = fc.integer({ min: 1, max: 3 });

/** Height and width are multiples of the factor. */
const blocks = fc.record({ n: small, c: small, h: factor, w: factor, factor }).map(({ n, c, h, w, factor }) => ({
  factor,
  image: [n, c, h * factor, w * factor],
  tall: [n, c * factor ** 2, h, w],
}));

export const resampling: fc.Arbitrary<Case> = blocks.chain(({ factor, image, tall }) =>
  fc.constantFrom(
    at(`sumPool2d of ${shown(image)} by ${factor}`, [normal(image)], (x) => x.square().sumPool2d(factor)),
    at(`upsample2d of ${shown(image)} by ${factor}`, [normal(image)], (x) => x.square().upsample2d(factor)),
    at(`spaceToDepth of ${shown(image)} by ${factor}`, [normal(image)], (x) => spaceToDepth(x.square(), factor)),
    at(`depthToSpace of ${shown(tall)} by ${factor}`, [normal(tall)], (x) => depthToSpace(x.square(), factor)),
  ),
);

export const pooling: fc.Arbitrary<Case> = fc
  .record({ n: small, c: small, side: factor, stride: factor, padding: fc.nat(2), h: extent, w: extent })
  .chain(({ n, c, side, stride, padding: wanted, h, w }) => {
    const padding = Math.min(wanted, side - 1);
    const image = [n, c, ...[h, w].map((more) => Math.max(1, side - 2 * padding) + more - 1)];
    const name = `of ${shown(image)} by ${side}, stride ${stride}, padding ${padding}`;
    return fc.constantFrom(
      at(`averagePool2d ${name}`, [normal(image)], (x) => averagePool2d(x.square(), side, { stride, padding })),
      at(`maxPool2d ${name}`, [distinct(image)], (x) => maxPool2d(x, side, { stride, padding }).square()),
    );
  });

export const resizing: fc.Arbitrary<Case> = fc
  .record({
    image: fc.tuple(small, small, extent, extent),
    size: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
    mode: fc.constantFrom('nearest' as const, 'bilinear' as const),
  })
  .map(({ image, size, mode }) =>
    at(`${mode} resize of ${shown(image)} to ${size.join(' x ')}`, [normal(image)], (x) =>
      resize2d(x.square(), size, mode),
    ),
  );

/** Norms of at least two numbers: normalizing one gives its sign, whose derivative is lost in rounding. */
export const normalization: fc.Arbitrary<Case> = fc
  .record({ leading: shape(0, 5), c: fc.integer({ min: 2, max: 5 }), groups: small, h: extent, w: extent })
  .chain(({ leading, c, groups, h, w }) => {
    const rows = [...leading, c];
    const image = [leading[0] ?? 1, groups * c, h, w];
    return fc.constantFrom(
      at(`rmsNorm of ${shown(rows)}`, [awayFromZero(rows)], (x) => rmsNorm(x)),
      at(`layerNorm of ${shown(rows)}`, [distinct(rows)], (x) => layerNorm(x)),
      at(`pixelNorm of ${shown(image)}`, [awayFromZero(image)], (x) => pixelNorm(x)),
      at(`groupNorm of ${shown(image)}, ${groups} groups`, [distinct(image)], (x) => groupNorm(x, groups)),
    );
  });
