import { sameShape, type Tensor } from '@flowmap/tensor';
import type { Context } from './context.js';
import type { Fusion } from './fusion.js';

/**
 * Root-mean-square norm along the last axis, `x (1 / sqrt(mean(x^2) + epsilon))`, in one pass over memory. Its derivatives use
 * the parts, so only programs without them have a norm that is private as a whole.
 */
export const rmsNorm: Fusion = (tensor, isPrivate) => {
  if (!tensor.is('mul')) return undefined;
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
  if (!square || square.operands[0] !== x || !parts.every(isPrivate)) return undefined;
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
 * Multi-head attention from `[batch, tokens, heads, size]` to the same, `softmax(scale Q K^T) V` with heads moved to the front
 * and back: the operator moves them while it multiplies.
 */
export const multiHeadAttention: Fusion = (tensor, isPrivate) => {
  if (!movesHeads(tensor)) return undefined;
  const [product] = tensor.operands as readonly [Tensor];
  if (!product.is('matmul') || product.attributes.transposeA || product.attributes.transposeB) return undefined;
  const [weights, value] = product.operands as readonly [Tensor, Tensor];
  const [scores] = weights.operands as readonly [Tensor];
  if (!weights.is('softmax') || !scores.is('matmul')) return undefined;
  if (scores.attributes.transposeA || !scores.attributes.transposeB) return undefined;
  const [scaled, key] = scores.operands as readonly [Tensor, Tensor];
  const factor = scaled.is('mul') ? splatOf(scaled.operands[1]!) : undefined;
  const query = factor === undefined ? scaled : scaled.operands[0]!;
  if (![query, key, value].every(movesHeads) || ![product, weights, scores].every(isPrivate)) return undefined;
  const operands = [query, key, value].map((part) => part.operands[0]!);
  if (!operands.every((part) => sameShape(part.shape, tensor.shape))) return undefined;
  const heads = tensor.shape[2]!;
  return {
    operands,
    emit: (context) => {
      const inputs = operands.map((part) => joined(part, context));
      const { graph } = context;
      const attended = graph.node('com.microsoft.MultiHeadAttention', inputs, {
        num_heads: heads,
        scale: { float: factor ?? 1 },
      });
      return graph.node('Reshape', [attended, graph.integers(tensor.shape)]);
    },
  };
};

/** True for a transposition between `[batch, tokens, heads, size]` and `[batch, heads, tokens, size]`. */
function movesHeads(x: Tensor): boolean {
  return x.is('transpose') && x.attributes.permutation.join() === '0,2,1,3';
}

/** `[batch, tokens, heads, size]` as `[batch, tokens, heads size]`. */
function joined(x: Tensor, { graph, value }: Context): string {
  const [batch, tokens, heads, size] = x.shape as readonly [number, number, number, number];
  return graph.node('Reshape', [value(x), graph.integers([batch, tokens, heads * size])]);
}

/** The number that a constant repeats. */
function splatOf(x: Tensor): number | undefined {
  return x.is('constant') && x.attributes.data.length === 1 ? x.attributes.data[0] : undefined;
}
