import { full, type Tensor } from '@flowmap/tensor';

/** Terms of the series of {@link sinc}; the first that is left out is 1e-20 at π / 2. */
const TERMS = 12;

/**
 * `sin(u) / u`, 1 at 0, for |u| <= π / 2: by its power series, so that it and its derivatives of every order hold at 0 too.
 */
export function sinc(u: Tensor): Tensor {
  const square = u.square();
  // 1 - u² / (2 · 3) (1 - u² / (4 · 5) (1 - ...))
  let sum: Tensor = full(1, u.shape);
  for (let k = TERMS; k >= 1; k--) sum = full(1).sub(square.mul(1 / (2 * k * (2 * k + 1))).mul(sum));
  return sum;
}

/** Keeps a division by zero apart. */
const SMALLEST = 1e-30;

/** Steps of {@link angleOf}: its error goes from 0.072 to 6e-5 to 4e-14 to nothing. */
const STEPS = 3;

/**
 * The angle in [0, π / 2] whose cosine and sine are as `x` to `y`, both >= 0; 0 where both are 0. Each step makes of the error e the
 * error `e - sin(e)`, as `y cos(u) - x sin(u) = -|(x, y)| sin(e)`.
 */
export function angleOf(x: Tensor, y: Tensor): Tensor {
  const length = x.square().add(y.square()).sqrt().maximum(SMALLEST);
  const [cosine, sine] = [x.div(length), y.div(length)];
  let angle = y.div(x.add(y).maximum(SMALLEST)).mul(Math.PI / 2);
  for (let i = 0; i < STEPS; i++) angle = angle.add(sine.mul(angle.cos())).sub(cosine.mul(angle.sin()));
  return angle;
}
