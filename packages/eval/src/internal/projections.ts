import { normals } from '@flowmap/tensor';
import type { Features } from '../features.js';

/** The mean, over random unit directions u, of the squared Wasserstein-2 distance between `u . x` and `u . y`. */
export function meanSquaredDistance(
  x: Features,
  y: Features,
  directions: number,
  key: { readonly seed: number; readonly purpose: string },
): number {
  let sum = 0;
  for (let step = 0; step < directions; step++) {
    const u = normals({ ...key, step }, x.width);
    const length = Math.sqrt(u.reduce((total, value) => total + value * value, 0));
    sum += squaredDistance(projected(x, u, length), projected(y, u, length));
  }
  return sum / directions;
}

/** Positions of the samples along a direction, ascending. */
function projected({ values, count, width }: Features, u: Float64Array, length: number): Float64Array {
  const places = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += values[i * width + j]! * u[j]!;
    places[i] = sum / length;
  }
  return places.sort();
}

/** The integral of `(F^-1(p) - G^-1(p))^2` over p in [0, 1], where both quantile functions are step functions. */
function squaredDistance(a: Float64Array, b: Float64Array): number {
  const [n, m] = [a.length, b.length];
  let [i, j, from, sum] = [0, 0, 0, 0];
  while (i < n && j < m) {
    // In units of 1 / (n m), so that the steps line up exactly.
    const to = Math.min((i + 1) * m, (j + 1) * n);
    sum += (to - from) * (a[i]! - b[j]!) ** 2;
    if (to === (i + 1) * m) i++;
    if (to === (j + 1) * n) j++;
    from = to;
  }
  return sum / (n * m);
}
