import { full, type Tensor } from '@flowmap/tensor';

/** Number of terms in the series of {@link sinc}; the first omitted term is 1e-20 at π / 2. */
const TERMS = 12;

/**
 * `sin(u) / u`, 1 at 0, for |u| <= π / 2. Computed as a power series, so it and its derivatives of every order are also
 * correct at 0.
 */
export function sinc(u: Tensor): Tensor {
  const square = u.square();
  // 1 - u² / (2 · 3) (1 - u² / (4 · 5) (1 - ...))
  let sum: Tensor = full(1, u.shape);
  for (let k = TERMS; k >= 1; k--) sum = full(1).sub(square.mul(1 / (2 * k * (2 * k + 1))).mul(sum));
  return sum;
}

/** Avoids division by zero. */
const SMALLEST = 1e-30;

/** Steps of {@link angleOf}: its error falls from 0.072 to 6e-5 to 4e-14 to nothing. */
const STEPS = 3;

/**
 * The angle in [0, π / 2] whose cosine and sine are in the ratio `x` to `y`, both >= 0; 0 where both are 0. Each step
 * turns an error e into `e - sin(e)`, since `y cos(u) - x sin(u) = -|(x, y)| sin(e)`.
 */
export function angleOf(x: Tensor, y: Tensor): Tensor {
  const length = x.square().add(y.square()).sqrt().maximum(SMALLEST);
  const [cosine, sine] = [x.div(length), y.div(length)];
  let angle = y.div(x.add(y).maximum(SMALLEST)).mul(Math.PI / 2);
  for (let i = 0; i < STEPS; i++) angle = angle.add(sine.mul(angle.cos())).sub(cosine.mul(angle.sin()));
  return angle;
}
