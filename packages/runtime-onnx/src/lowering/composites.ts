import { sameShape, type Tensor } from '@flowmap/tensor';
import type { Fusion } from './rules.js';

/** The operator adds squares one after another: off by 4e-7 at 1024 elements, and by 4e-4 at 2^20. */
const LONGEST_NORM = 1024;

/**
 * Root-mean-square norm along the last axis, `x (1 / sqrt(mean(x^2) + epsilon))`, in one pass over memory. Its
 * derivatives use the intermediate tensors, so only programs without derivatives have a norm that is entirely private.
 */
export const rmsNorm: Fusion = (tensor, isPrivate) => {
  if (!tensor.is('mul') || tensor.dtype !== 'float32' || tensor.shape.at(-1)! > LONGEST_NORM) return undefined;
  const [x, inverse] = tensor.operands as readonly [Tensor, Tensor];
  const parts: Tensor[] = [inverse];
  const inner = (primitive: 'sqrt' | 'add' | 'mul' | 'sum' | 'square', operand = 0): Tensor | undefined => {
    const part = parts.at(-1)!.operands[operand];
    if (!part?.is(primitive)) return undefined;
    parts.push(part);
    return part;
  };
  if (!inverse.is('div') || splatOf(inverse.operands[0]!) !== 1) return undefined;
  const shifted = inner('sqrt', 1) && inner('add');
  const mean = shifted && inner('mul');
  const sum = mean && inner('sum');
  const square = sum && inner('square');
  if (!square || square.operands[0] !== x || !parts.every((part) => isPrivate(part))) return undefined;
  const size = x.shape.at(-1)!;
  const epsilon = splatOf(shifted.operands[1]!);
  const isLastAxis = sum.is('sum') && sum.attributes.axes.join() === String(x.rank - 1) && sum.attributes.keepDims;
  if (!isLastAxis || epsilon === undefined || splatOf(mean.operands[1]!) !== 1 / size) return undefined;
  return {
    operands: [x],
    emit: ({ graph, value }) => {
      const gain = graph.constant(Float64Array.of(1), { shape: [size], dtype: 'float32' });
      return graph.node('SimplifiedLayerNormalization', [value(x), gain], { axis: -1, epsilon: { float: epsilon } });
    },
  };
};

/**
 * `x select(x > 0, 1, slope)`, in one pass over memory. Its derivatives need the factor, which is then computed besides.
 */
export const leakyRelu: Fusion = (tensor) => {
  if (!tensor.is('mul') || tensor.dtype !== 'float32') return undefined;
  const [x, factor] = tensor.operands as readonly [Tensor, Tensor];
  if (!factor.is('select') || !sameShape(factor.shape, x.shape)) return undefined;
  const [isPositive, above, below] = factor.operands as readonly [Tensor, Tensor, Tensor];
  const slope = splatOf(below);
  if (!isPositive.is('less') || splatOf(isPositive.operands[0]!) !== 0 || isPositive.operands[1] !== x)
    return undefined;
  if (splatOf(above) !== 1 || slope === undefined) return undefined;
  return {
    operands: [x],
    emit: ({ graph, value }) => graph.node('LeakyRelu', [value(x)], { alpha: { float: slope } }),
  };
};

/** The number that a constant repeats; undefined for other tensors. */
export function splatOf(x: Tensor): number | undefined {
  return x.is('constant') && x.attributes.data.length === 1 ? x.attributes.data[0] : undefined;
}
