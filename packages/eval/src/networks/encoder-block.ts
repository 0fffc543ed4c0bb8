import { layerNorm, split, type HostTensor, type Shape, type Tensor, type Tensors, hostTensor } from '@flowmap/tensor';

/** How the blocks of a transformer compute. */
export interface EncoderOptions {
  readonly heads: number;
  /** Activation inside the perceptron. */
  readonly activation: (x: Tensor) => Tensor;
  /** Added to variances by the norms. */
  readonly epsilon: number;
  /** Added to the scores of attention, `[tokens, tokens]`; nothing unless given. */
  readonly mask?: Tensor;
}

/** Shapes of the parameters of a block: matrices are `[outputs, inputs]`, with queries, keys and values in one. */
export function encoderBlockShapes(name: string, width: number, hidden: number): Record<string, Shape> {
  return {
    [`${name}.norm1.weight`]: [width],
    [`${name}.norm1.bias`]: [width],
    [`${name}.qkv.weight`]: [3 * width, width],
    [`${name}.qkv.bias`]: [3 * width],
    [`${name}.projection.weight`]: [width, width],
    [`${name}.projection.bias`]: [width],
    [`${name}.norm2.weight`]: [width],
    [`${name}.norm2.bias`]: [width],
    [`${name}.inner.weight`]: [hidden, width],
    [`${name}.inner.bias`]: [hidden],
    [`${name}.outer.weight`]: [width, hidden],
    [`${name}.outer.bias`]: [width],
  };
}

/** `y = x + attention(norm(x))`, then `y + perceptron(norm(y))`, for `x` `[n, tokens, width]`. */
export function encoderBlock(params: Tensors, name: string, x: Tensor, options: EncoderOptions): Tensor {
  const { activation, epsilon } = options;
  const attended = attend(affine(params, `${name}.qkv`, norm(params, `${name}.norm1`, x, epsilon)), options);
  const y = x.add(affine(params, `${name}.projection`, attended));
  const hidden = activation(affine(params, `${name}.inner`, norm(params, `${name}.norm2`, y, epsilon)));
  return y.add(affine(params, `${name}.outer`, hidden));
}

/** Layer norm with gain and bias. */
export function norm(params: Tensors, name: string, x: Tensor, epsilon: number): Tensor {
  const shape = [...x.shape.slice(1).map(() => 1), x.shape.at(-1)!];
  const [gain, bias] = ['weight', 'bias'].map((part) => params[`${name}.${part}`]!.reshape(shape));
  return layerNorm(x, epsilon).mul(gain!).add(bias!);
}

/** `x W^T + b` along the last axis; `b` may be missing. */
export function affine(params: Tensors, name: string, x: Tensor): Tensor {
  const weight = params[`${name}.weight`]!;
  const [outputs = 0, inputs = 0] = weight.shape;
  const rows = x.reshape([-1, inputs]).matmul(weight.transpose([1, 0]));
  const bias = params[`${name}.bias`];
  const sums = bias === undefined ? rows : rows.add(bias.reshape([1, outputs]));
  return sums.reshape([...x.shape.slice(0, -1), outputs]);
}

/** Attention of several heads, from queries, keys and values side by side. */
function attend(qkv: Tensor, { heads, mask }: EncoderOptions): Tensor {
  const [n = 0, tokens = 0, triple = 0] = qkv.shape;
  const size = triple / 3 / heads;
  const [query, key, value] = split(qkv, 3, 2).map((part) =>
    part.reshape([n, tokens, heads, size]).transpose([0, 2, 1, 3]),
  );
  const scores = query!.mul(1 / Math.sqrt(size)).matmul(key!.transpose([0, 1, 3, 2]));
  const weights = (mask === undefined ? scores : scores.add(mask.reshape([1, 1, tokens, tokens]))).softmax();
  return weights
    .matmul(value!)
    .transpose([0, 2, 1, 3])
    .reshape([n, tokens, triple / 3]);
}

/** Tensors below one another along the first axis. */
export function stacked(shape: Shape, parts: readonly Float32Array[]): HostTensor {
  const values = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return hostTensor(shape, values);
}
