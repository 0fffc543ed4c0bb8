import type { Tensor } from './tensor.js';

/** `max(x, 0)`; at 0 the derivative is 1/2. */
export function relu(x: Tensor): Tensor {
  return x.maximum(0);
}

/** `x` where it is positive, `slope x` elsewhere (Maas, Hannun and Ng 2013); `slope` in [0, 1], 0.2 unless given. */
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  return x.maximum(x.mul(slope));
}

/** `gelu(x) = x (1 + erf(x / sqrt(2))) / 2` (Hendrycks and Gimpel 2016), exact. */
export function gelu(x: Tensor): Tensor {
  return x.mul(x.mul(Math.SQRT1_2).erf().add(1)).mul(0.5);
}

/** `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`: the approximation of {@link gelu} that most transformers use. */
export function geluTanh(x: Tensor): Tensor {
  // (1 + tanh(u)) / 2 = sigmoid(2 u)
  const u = x.mul(x.square().mul(0.044715).add(1)).mul(2 * Math.sqrt(2 / Math.PI));
  return x.mul(u.sigmoid());
}
