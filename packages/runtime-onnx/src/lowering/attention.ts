import { sameShape, type Tensor } from '@flowmap/tensor';
import { splatOf } from './composites.js';
import type { Context } from './context.js';
import type { Fusion, IsPrivate } from './rules.js';

/**
 * Multi-head attention from `[batch, tokens, heads, size]` to the same, `softmax(scale Q K^T) V` with heads moved to
 * the front and back; the operator moves them while multiplying.
 */
export const multiHeadAttention: Fusion = (tensor, isPrivate) => {
  const attended = attendedBy(tensor, isPrivate);
  if (!attended) return undefined;
  const operands = attended.moved.map((part) => part.operands[0]!);
  return {
    operands,
    emit: (context) => {
      const inputs = operands.map((part) => joined(part, context));
      return attend('MultiHeadAttention', inputs, tensor, attended, context);
    },
  };
};

/**
 * Multi-head attention whose queries, keys and values are the thirds, in this order, of one projection `x W + b` with
 * constant weights: the operator packs them once and multiplies directly into the heads.
 */
export const selfAttention: Fusion = (tensor, isPrivate) => {
  const attended = attendedBy(tensor, isPrivate);
  const projection = attended && projectionOf(attended, tensor, isPrivate);
  if (!projection) return undefined;
  const { x, weight, bias } = projection;
  const [batch, tokens] = tensor.shape as readonly [number, number];
  const [inputs, outputs] = weight.shape as readonly [number, number];
  return {
    operands: [x, weight, ...(bias ? [bias] : [])],
    emit: (context) => {
      const { graph, value } = context;
      const rows = graph.node('Reshape', [value(x), graph.integers([batch, tokens, inputs])]);
      const added = bias
        ? graph.node('Reshape', [value(bias), graph.integers([outputs])])
        : graph.constant(Float64Array.of(0), { shape: [outputs], dtype: 'float32' });
      return attend('Attention', [rows, value(weight), added], tensor, attended, context);
    },
  };
};

interface Attended {
  /** Queries, keys and values as `[batch, heads, tokens, size]`, moved there by transpositions. */
  readonly moved: readonly Tensor<'transpose'>[];
  /** The queries that are multiplied by the keys. */
  readonly scaled: Tensor;
  readonly scale: number;
}

/** The operands of an attention with heads moved to the front and back, if the intermediate tensors are private. */
function attendedBy(tensor: Tensor, isPrivate: IsPrivate): Attended | undefined {
  if (!movesHeads(tensor) || tensor.dtype !== 'float32') return undefined;
  const [product] = tensor.operands as readonly [Tensor];
  if (!product.is('matmul') || product.attributes.transposeA || product.attributes.transposeB) return undefined;
  const [weights, value] = product.operands as readonly [Tensor, Tensor];
  const [scores] = weights.operands as readonly [Tensor];
  if (!weights.is('softmax') || !scores.is('matmul')) return undefined;
  if (scores.attributes.transposeA || !scores.attributes.transposeB) return undefined;
  const [scaled, key] = scores.operands as readonly [Tensor, Tensor];
  const factor = scaled.is('mul') ? splatOf(scaled.operands[1]!) : undefined;
  const query = factor === undefined ? scaled : scaled.operands[0]!;
  const moved = [query, key, value].filter(movesHeads);
  if (moved.length < 3 || ![product, weights, scores].every((part) => isPrivate(part))) return undefined;
  if (!moved.every(({ operands }) => sameShape(operands[0]!.shape, tensor.shape))) return undefined;
  return { moved, scaled, scale: factor ?? 1 };
}

interface Projection {
  /** Its rows are the tokens. */
  readonly x: Tensor;
  readonly weight: Tensor;
  /** A row vector. */
  readonly bias: Tensor | undefined;
}

/** The projection with constant weights whose thirds are queries, keys and values, if all of it is private. */
function projectionOf({ moved, scaled }: Attended, { shape }: Tensor, isPrivate: IsPrivate): Projection | undefined {
  const [batch, tokens, heads, size] = shape as readonly [number, number, number, number];
  const width = heads * size;
  const parts = moved.map(({ operands }) => operands[0]!).filter((part) => part.is('reshape'));
  const thirds = parts.map(({ operands }) => operands[0]!).filter((part) => part.is('slice'));
  const whole = thirds[0]?.operands[0];
  const inOrder = thirds.every(({ operands, attributes, shape }, i) => {
    const isThird = attributes.starts.join() === `0,0,${i * width}` && sameShape(shape, [batch, tokens, width]);
    return isThird && operands[0] === whole;
  });
  if (thirds.length < 3 || !inOrder || !whole?.is('reshape') || !isPrivate(whole, 3)) return undefined;

  const rows = whole.operands[0]!;
  const terms = rows.is('add') ? rows.operands : [rows];
  const [product, bias] = (terms[0]!.is('matmul') ? terms : [...terms].reverse()) as readonly [Tensor, Tensor?];
  const inner = [scaled, ...moved, ...parts, ...thirds, rows, product];
  if (!product.is('matmul') || !inner.every((part) => isPrivate(part))) return undefined;
  if (product.attributes.transposeA || product.attributes.transposeB) return undefined;
  const [x, weight] = product.operands as readonly [Tensor, Tensor];
  if (!weight.is('constant') || !sameShape(product.shape, [batch * tokens, 3 * width])) return undefined;
  return bias && !sameShape(bias.shape, [1, 3 * width]) ? undefined : { x, weight, bias };
}

/** The operator's node, and its result with heads separated again. */
function attend(
  operator: 'Attention' | 'MultiHeadAttention',
  inputs: readonly string[],
  { shape }: Tensor,
  { scale }: Attended,
  { graph }: Context,
): string {
  const attended = graph.node(`com.microsoft.${operator}`, inputs, { num_heads: shape[2]!, scale: { float: scale } });
  return graph.node('Reshape', [attended, graph.integers(shape)]);
}

/** Whether a tensor is a transposition between `[batch, tokens, heads, size]` and `[batch, heads, tokens, size]`. */
function movesHeads(x: Tensor): x is Tensor<'transpose'> {
  return x.is('transpose') && x.attributes.permutation.join() === '0,2,1,3';
}

/** `[batch, tokens, heads, size]` as `[batch, tokens, heads size]`. */
function joined(x: Tensor, { graph, value }: Context): string {
  const [batch, tokens, heads, size] = x.shape as readonly [number, number, number, number];
  return graph.node('Reshape', [value(x), graph.integers([batch, tokens, heads * size])]);
}
