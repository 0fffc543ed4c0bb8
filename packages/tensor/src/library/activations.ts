import { select } from './functions.js';
import { inFloat32 } from './in-float32.js';
import { requireFloats } from '../graph/infer.js';
import { full, type Tensor } from '../graph/tensor.js';

/** `max(x, 0)`, with derivative 1/2 at 0. */
export function relu(x: Tensor): Tensor {
  return x.maximum(0);
}

/**
 * `x` where it is positive, `slope x` elsewhere (Maas, Hannun and Ng 2013), with `slope` 0.2 unless given. The derivative
 * at 0 is `slope`.
 */
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  requireFloats('leakyRelu', [x]);
  // A product, since its derivative is one product with the same factor.
  return x.mul(select(x.greater(0), full(1, [], x.dtype), slope));
}

/**
 * `log(sigmoid(x)) = -softplus(-x)`: the logarithm of a probability given its logit. It and its derivatives keep all
 * digits even where the sigmoid itself rounds to 0 or 1.
 */
export function logSigmoid(x: Tensor): Tensor {
  requireFloats('logSigmoid', [x]);
  return x.neg().softplus().neg();
}

/**
 * `gelu(x) = x Phi(x) = x erfc(-x / sqrt(2)) / 2` (Hendrycks and Gimpel 2016), since `1 + erf` would cancel. Values and
 * derivatives are as accurate as rounding of x allows, a relative error of `x^2` roundings; at infinity they are those
 * of `max(x, 0)`. For halves it is computed in float32 and rounded once.
 */
export function gelu(x: Tensor): Tensor {
  requireFloats('gelu', [x]);
  // Phi(-40) = 1e-350, which no dtype holds.
  return inFloat32(x, (x) => reluBeyond(x, 40, (x) => x.mul(0.5).mul(x.mul(-Math.SQRT1_2).erfc())));
}

/**
 * `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`: the approximation of {@link gelu} that most transformers use.
 * For halves it is computed in float32 and rounded once.
 */
export function geluTanh(x: Tensor): Tensor {
  requireFloats('geluTanh', [x]);
  return inFloat32(x, (x) =>
    // The sigmoid at -24 is e^-1024, which no dtype holds.
    reluBeyond(x, 24, (x) => {
      // (1 + tanh(u)) / 2 = sigmoid(2 u)
      const u = x.mul(x.square().mul(0.044715).add(1)).mul(2 * Math.sqrt(2 / Math.PI));
      return x.mul(u.sigmoid());
    }),
  );
}

/**
 * `f(x)`, but `max(x, 0)` where |x| > bound, which f equals there, so that powers of x do not overflow in derivatives.
 */
function reluBeyond(x: Tensor, bound: number, f: (x: Tensor) => Tensor): Tensor {
  const isBeyond = x.abs().greater(bound);
  return select(isBeyond, relu(x), f(select(isBeyond, 0, x)));
}
