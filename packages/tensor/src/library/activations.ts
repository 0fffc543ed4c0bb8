import { inFloat32 } from './in-float32.js';
import type { Tensor } from '../graph/tensor.js';

/** `max(x, 0)`; at 0 the derivative is 1/2. */
export function relu(x: Tensor): Tensor {
  return x.maximum(0);
}

/** `x` where it is positive, `slope x` elsewhere (Maas, Hannun and Ng 2013); `slope` in [0, 1], 0.2 unless given. */
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  return x.maximum(x.mul(slope));
}

/**
 * `gelu(x) = x (1 + erf(x / sqrt(2))) / 2` (Hendrycks and Gimpel 2016). Left of zero the sum cancels: values and derivatives are
 * exact to a rounding of x there, not to one of their own. Of halves it is computed in float32 and rounded once.
 */
export function gelu(x: Tensor): Tensor {
  return inFloat32(x, (x) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1)));
}

/**
 * `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`: the approximation of {@link gelu} that most transformers use. Of halves it
 * is computed in float32 and rounded once. Derivatives are NaN where float32 does not hold `x^4`, from about 1e9 on.
 */
export function geluTanh(x: Tensor): Tensor {
  return inFloat32(x, (x) => {
    // (1 + tanh(u)) / 2 = sigmoid(2 u)
    const u = x.mul(x.square().mul(0.044715).add(1)).mul(2 * Math.sqrt(2 / Math.PI));
    return x.mul(u.sigmoid());
  });
}
