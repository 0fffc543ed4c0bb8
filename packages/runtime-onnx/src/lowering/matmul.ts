import { sizeOf, type Tensor } from '@flowmap/tensor';
import type { Block } from './constant-blocks.js';
import type { Context } from './context.js';
import { sumOfBlock } from './sums.js';

/** A matrix product, plus, for rank 2, an optional third matrix that broadcasts to the result. */
export function product(tensor: Tensor<'matmul'>, context: Context, addend?: Tensor): string {
  const { graph, value } = context;
  const [a, b] = tensor.operands as readonly [Tensor, Tensor];
  const { transposeA, transposeB } = tensor.attributes;
  const part = partOf(a.shape.at(transposeA ? -2 : -1)!);
  if (part !== undefined && tensor.dtype === 'float32') {
    const total = sumOfProducts(tensor, part, context);
    return addend ? graph.node('Add', [total, value(addend)]) : total;
  }
  if (tensor.rank === 2) {
    const blocks = context.blocksOf(b);
    if (blocks) {
      const joined = productByBlocks(tensor, blocks, context);
      return addend ? graph.node('Add', [joined, value(addend)]) : joined;
    }
    const inputs = [a, b, ...(addend ? [addend] : [])].map(value);
    return graph.node('Gemm', inputs, { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 });
  }
  const left = transposeA ? swapped(a, context) : value(a);
  const right = transposeB ? swapped(b, context) : value(b);
  return graph.node('MatMul', [left, right]);
}

/**
 * A product with a matrix that comes in blocks of rows: a sum over the blocks, or results side by side if the
 * matrix is transposed.
 */
function productByBlocks(tensor: Tensor<'matmul'>, blocks: readonly Block[], { graph, value }: Context): string {
  const { transposeA, transposeB } = tensor.attributes;
  const transposes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  const left = value(tensor.operands[0]!);
  if (transposeB) {
    const columns = blocks.map(({ name }) => graph.node('Gemm', [left, name], transposes));
    return graph.node('Concat', columns, { axis: 1 });
  }
  const axis = graph.integers([transposeA ? 0 : 1]);
  return blocks.reduce<string | undefined>((sum, { name, start, end }) => {
    const terms = graph.node('Slice', [left, graph.integers([start]), graph.integers([end]), axis]);
    return graph.node('Gemm', [terms, name, ...(sum === undefined ? [] : [sum])], transposes);
  }, undefined)!;
}

/**
 * Number of terms beyond which a product is a sum of products. onnxruntime adds terms in a few lanes, and for a single
 * row in one: for equal terms the relative error is 7e-5 at this number and 9e-4 at 2^20.
 */
const LONGEST = 2 ** 16;

/** Most and fewest terms of each of these products. */
const PARTS = [2 ** 14, 2 ** 10] as const;

/**
 * The largest acceptable divisor of a long product's number of terms; undefined if there is none, or for a short
 * product.
 */
function partOf(terms: number): number | undefined {
  if (terms <= LONGEST) return undefined;
  for (let part = PARTS[0]; part >= PARTS[1]; part--) if (terms % part === 0) return part;
  return undefined;
}

/** A long product as the sum of products of parts, which need no copy in an operand with the usual transposition. */
function sumOfProducts(tensor: Tensor<'matmul'>, part: number, { graph, value }: Context): string {
  const [a, b] = tensor.operands as readonly [Tensor, Tensor];
  const { transposeA, transposeB } = tensor.attributes;
  const batch = sizeOf(tensor.shape.slice(0, -2));
  const [m, n] = tensor.shape.slice(-2) as [number, number];
  const parts = a.size / (batch * m * part);
  const cut = (x: Tensor, lines: number, termsFirst: boolean, perm: readonly number[]): string => {
    const shape = termsFirst ? [batch, parts, part, lines] : [batch, lines, parts, part];
    return graph.node('Transpose', [graph.node('Reshape', [value(x), graph.integers(shape)])], { perm: [...perm] });
  };
  const left = cut(a, m, transposeA, transposeA ? [0, 1, 3, 2] : [0, 2, 1, 3]);
  const right = cut(b, n, !transposeB, transposeB ? [0, 2, 3, 1] : [0, 1, 2, 3]);
  const products = graph.node('MatMul', [left, right]);
  const total = sumOfBlock(products, [batch, parts, m * n], 'float32', graph);
  return graph.node('Reshape', [total, graph.integers(tensor.shape)]);
}

/** The last two axes exchanged; onnxruntime fuses this with the product. */
function swapped(tensor: Tensor, { graph, value }: Context): string {
  const axes = tensor.shape.map((_, axis) => axis);
  return graph.node('Transpose', [value(tensor)], { perm: [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] });
}
