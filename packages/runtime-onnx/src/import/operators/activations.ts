import { full, gelu, geluTanh, leakyRelu, logSoftmax, relu, select, type Tensor } from '@flowmap/tensor';
import { axisOf, choice, float, input, int, type Call, type Operator, type Operators } from '../call.js';
import { ofRank, traced } from '../value.js';
import { unary } from './elementwise.js';

/** `max(x, 0) + alpha (exp(min(x, 0) / width) - 1)`, as only exponentials of negative numbers cannot overflow. */
function elu(x: Tensor, alpha: number, width = 1): Tensor {
  const below = x
    .minimum(0)
    .mul(1 / width)
    .exp()
    .sub(1)
    .mul(alpha);
  return relu(x).add(below);
}

/** `alpha x + beta` between 0 and 1. */
function hardSigmoid(x: Tensor, alpha: number, beta: number): Tensor {
  return x.mul(alpha).add(beta).maximum(0).minimum(1);
}

const prelu: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0).tensor;
    const slope = ofRank(input(call, 1).tensor, x.rank);
    return traced(input(call, 0).type, select(x.less(0), x.mul(slope), x));
  },
};

/** A function along the last axis, applied along another. */
function alongAxis(call: Call, x: Tensor, axis: number, f: (x: Tensor) => Tensor): Tensor {
  const at = axisOf(call, axis, x.rank);
  if (at === x.rank - 1) return f(x);
  const exchange = x.shape.map((_, i) => (i === at ? x.rank - 1 : i === x.rank - 1 ? at : i));
  return f(x.transpose(exchange)).transpose(exchange);
}

const softmax = (f: (x: Tensor) => Tensor): Operator => ({
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    return traced(x.type, alongAxis(call, x.tensor, int(call, 'axis', -1), f));
  },
});

const sigmoidLinear: Operators = {
  Relu: unary(relu, (x) => Math.max(x, 0)),
  Sigmoid: unary((x) => x.sigmoid()),
  Tanh: unary((x) => x.tanh(), Math.tanh),
  Softplus: unary((x) => x.softplus()),
  Softsign: unary((x) => x.div(x.abs().add(1))),
  Erf: unary((x) => x.erf()),
  Mish: { ...unary((x) => x.mul(x.softplus().tanh())), since: 18 },
  Gelu: {
    ...unary((x, call) => (choice(call, 'approximate', ['none', 'tanh']) === 'tanh' ? geluTanh(x) : gelu(x))),
    since: 20,
  },
};

/** Activations; at a kink, the derivative is the mean of those on both sides, but that of `LeakyRelu` is `alpha`. */
export const activations: Operators = {
  ...sigmoidLinear,
  LeakyRelu: unary((x, call) => leakyRelu(x, float(call, 'alpha', 0.01))),
  PRelu: prelu,
  Elu: unary((x, call) => elu(x, float(call, 'alpha', 1))),
  Celu: unary((x, call) => {
    const alpha = float(call, 'alpha', 1);
    return elu(x, alpha, alpha);
  }),
  Selu: unary((x, call) =>
    elu(x, float(call, 'alpha', 1.67326319217681884765625)).mul(float(call, 'gamma', 1.05070102214813232421875)),
  ),
  HardSigmoid: unary((x, call) => hardSigmoid(x, float(call, 'alpha', 0.2), float(call, 'beta', 0.5))),
  HardSwish: { ...unary((x) => x.mul(hardSigmoid(x, 1 / 6, 0.5))), since: 14 },
  ThresholdedRelu: unary((x, call) => select(x.greater(float(call, 'alpha', 1)), x, full(0, [], x.dtype))),
  Softmax: softmax((x) => x.softmax()),
  LogSoftmax: softmax(logSoftmax),
};
