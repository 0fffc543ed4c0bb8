import { gelu, geluTanh, leakyRelu, relu } from '../../library/activations.js';
import { attention } from '../../library/attention.js';
import {
  and,
  clamp,
  conv2d,
  convTranspose2d,
  linear,
  not,
  oneHot,
  or,
  select,
  split,
  stopGradient,
  tile,
} from '../../library/functions.js';
import { depthToSpace, resize2d, spaceToDepth } from '../../library/images.js';
import { jvp } from '../../autodiff/jvp.js';
import { logSoftmax, logSumExp } from '../../library/log-sum-exp.js';
import { groupNorm, layerNorm, pixelNorm, rmsNorm } from '../../library/norms.js';
import { averagePool2d, maxPool2d } from '../../library/pooling.js';
import { bind, type Tensor } from '../../graph/tensor.js';
import { grad } from '../../autodiff/vjp.js';
import { at, kink, type Case } from '../case.js';
import { awayFromZero, coins, distinct, fixed, integers, normal, positive } from '../samples.js';

/** Functions made of primitives, as networks and losses use them. */
export const compositeCases: Readonly<Record<string, readonly Case[]>> = {
  mean: [
    at('of all', [normal([2, 3])], (x) => x.square().mean()),
    at('over channels', [normal([2, 3, 4, 4])], (x) => x.square().mean([1], true)),
    at('over pixels', [normal([2, 3, 4, 4])], (x) => x.square().mean([-2, -1])),
  ],
  activations: [
    at('gelu', [normal([3, 4])], gelu),
    at('gelu far from zero', [fixed([6], [-20, -5, -2, 2, 5, 20])], gelu),
    at('geluTanh', [normal([3, 4])], geluTanh),
    at('relu', [awayFromZero([3, 4])], relu),
    kink('relu at zero', [fixed([3], [-1, 0, 1])], relu),
    at('leakyRelu', [awayFromZero([3, 4])], (x) => leakyRelu(x, 0.1)),
    at('leakyRelu with other slopes', [awayFromZero([3, 4])], (x) => leakyRelu(x, -0.5).add(leakyRelu(x, 3).square())),
    at('clamp', [fixed([5], [-3, -0.5, 0.25, 0.75, 4])], (x) => clamp(x, -1, 1).square()),
  ],
  logarithms: [
    at('logSoftmax', [normal([3, 4])], logSoftmax),
    at('logSoftmax of large numbers', [fixed([2, 3], [1000, 999, 998, -1000, -1001, -1003])], logSoftmax),
    at('logSumExp', [normal([2, 3, 4])], (x) => logSumExp(x)),
    at('logSumExp over some axes', [normal([2, 3, 4])], (x) => logSumExp(x, [0, 2])),
    at('logSumExp, kept', [normal([2, 3])], (x) => logSumExp(x, [1], true)),
    at('least', [distinct([3, 4])], (x) => x.min([1]).square()),
  ],
  conditions: [
    at('not, and, or', [coins([5]), coins([5])], (a, b) => or(and(a, not(b)), and(not(a), b))),
    at('within bounds', [distinct([6])], (x) => select(and(x.greater(-0.6), x.less(0.4)), x.square(), x)),
  ],
  images: [
    at('transposed convolution', [normal([2, 3, 3, 2]), normal([3, 4, 3, 3])], (x, w) =>
      convTranspose2d(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
    ),
    at('transposed convolution by groups', [normal([1, 4, 2, 2]), normal([4, 3, 2, 2])], (x, w) =>
      convTranspose2d(x, w, { stride: 2, groups: 2 }),
    ),
    at('spaceToDepth', [normal([2, 3, 4, 6])], (x) => spaceToDepth(x.square(), 2)),
    at('depthToSpace', [normal([2, 8, 2, 3])], (x) => depthToSpace(x.square(), 2)),
    at('averagePool2d', [normal([2, 3, 4, 4])], (x) => averagePool2d(x.square(), 2)),
    at('averagePool2d, overlapping', [normal([2, 2, 5, 6])], (x) =>
      averagePool2d(x.square(), 3, { stride: 2, padding: 1 }),
    ),
    at('maxPool2d', [distinct([2, 3, 4, 4])], (x) => maxPool2d(x, 2).square()),
    at('maxPool2d, overlapping', [distinct([2, 2, 5, 6])], (x) => maxPool2d(x, 3, { stride: 2, padding: 1 }).square()),
    at('bilinear enlargement', [normal([2, 2, 3, 4])], (x) => resize2d(x.square(), [7, 8], 'bilinear')),
    at('bilinear reduction', [normal([2, 2, 6, 5])], (x) => resize2d(x.square(), [4, 3], 'bilinear')),
    at('nearest', [normal([2, 2, 3, 4])], (x) => resize2d(x.square(), [7, 3], 'nearest')),
    at('tile', [normal([2, 1, 3])], (x) => tile(x.square(), [1, 2, 3])),
  ],
  norms: [
    at('rmsNorm [5]', [normal([5])], (x) => rmsNorm(x)),
    at('rmsNorm [2, 3, 4]', [normal([2, 3, 4])], (x) => rmsNorm(x)),
    at('rmsNorm of small numbers', [normal([2, 4])], (x) => rmsNorm(x.mul(1e-3))),
    at('layerNorm [3, 4]', [normal([3, 4])], (x) => layerNorm(x)),
    at('layerNorm [2, 3, 4]', [normal([2, 3, 4])], (x) => layerNorm(x)),
    at('groupNorm, 2 groups', [normal([2, 4, 3, 3])], (x) => groupNorm(x, 2)),
    at('groupNorm, 1 group', [normal([2, 4, 2, 2])], (x) => groupNorm(x, 1)),
    at('pixelNorm', [awayFromZero([2, 4, 2, 3])], (x) => pixelNorm(x)),
    at('L2 norm per sample', [normal([3, 2, 2, 2])], (x) => x.square().sum([1, 2, 3]).sqrt()),
  ],
  linear: [
    at('[3, 4]', [normal([3, 4]), normal([4, 5]), normal([5])], linear),
    at('[2, 3, 4] without bias', [normal([2, 3, 4]), normal([4, 5])], (x, w) => linear(x, w)),
    at('[4]', [normal([4]), normal([4, 2]), normal([2])], linear),
  ],
  attention: [
    at('[3, 4]', [normal([3, 4]), normal([3, 4]), normal([3, 4])], attention),
    at('[2, 2, 3, 4] on itself', [normal([2, 2, 3, 4])], (x) => attention(x, x, x)),
    at('more keys than tokens', [normal([2, 2, 4]), normal([2, 5, 4]), normal([2, 5, 3])], attention),
  ],
  conditioning: [
    at('oneHot', [integers([5], 0, 4)], (labels) => oneHot(labels, 4)),
    at('oneHot with labels out of range', [integers([6], -1, 5)], (labels) => oneHot(labels, 4)),
    at('an embedding', [integers([5], 0, 4), normal([4, 3])], (labels, table) =>
      oneHot(labels, 4).cast(table.dtype).matmul(table),
    ),
    at('modulation', [normal([2, 3, 4]), normal([2, 8])], (x, condition) => {
      const [scale, shift] = split(condition, 2, 1) as [Tensor, Tensor];
      const scaled = layerNorm(x).mul(scale.reshape([2, 1, 4]).add(1));
      return scaled.add(shift.reshape([2, 1, 4]));
    }),
    at('split and swapped', [normal([2, 6])], (x) => {
      const [a, b, c] = split(x, 3, -1) as [Tensor, Tensor, Tensor];
      return a.mul(b).sub(c.square());
    }),
  ],
  networks: [
    at('two-layer perceptron', [normal([4, 3]), normal([3, 5]), normal([5]), normal([5, 2])], (x, w1, b1, w2) =>
      linear(linear(x, w1, b1).silu(), w2),
    ),
    at('residual block', [normal([2, 4, 4, 4]), normal([4, 4, 3, 3])], (x, w) =>
      x.add(conv2d(groupNorm(x, 2).silu(), w, { padding: 1 })),
    ),
    at('down and up', [normal([1, 2, 4, 4]), normal([3, 2, 3, 3])], (x, w) =>
      conv2d(x.sumPool2d(2).mul(0.25), w, { padding: 1 }).upsample2d(2).silu(),
    ),
    at('tokens of images and back', [normal([2, 1, 4, 4])], (x) => {
      const patches = x.reshape([2, 1, 2, 2, 2, 2]).transpose([0, 2, 4, 1, 3, 5]).reshape([2, 4, 4]);
      return patches.softmax().reshape([2, 2, 2, 1, 2, 2]).transpose([0, 3, 1, 4, 2, 5]).reshape([2, 1, 4, 4]);
    }),
  ],
  'derivatives inside': [
    at('jvp', [normal([3]), normal([3])], (x, v) => jvp((y) => y.sin().mul(y), [x], [v])[1]),
    at('jvp of a jvp', [normal([3]), normal([3])], (x, v) => jvp((y) => jvp((z) => z.exp(), [y], [v])[1], [x], [v])[1]),
    at(
      'gradient of a network in x',
      [normal([2, 3]), normal([3, 4])],
      (x, w) => grad((y) => linear(y, w).tanh().square().sum(), [x])[0]!,
    ),
    kink(
      'regression of a network onto its own stopped tangent',
      [positive([2, 3]), normal([3, 3]), normal([2, 3])],
      (x, w, v) => {
        const [value, tangent] = jvp(
          (y) => bind('matmul', [y.silu(), w], { transposeA: false, transposeB: false }),
          [x],
          [v],
        );
        const target = stopGradient(value.sub(tangent));
        return value.sub(target).square().sum([1]);
      },
    ),
    at('maximum of maxima', [distinct([2, 3, 4])], (x) => x.max([2]).square().max([1])),
  ],
};
