import { reachable, sameShape, type Primitive, type Program, type Tensor } from '@flowmap/tensor';
import type { Lowering } from './context.js';
import { correlate } from './conv.js';
import { product } from './matmul.js';
import type { Fusion, IsPrivate, Lowerings, Rules, Step } from './rules.js';

/**
 * Decides how each tensor of a program is computed, operands before results: by its primitive's lowering, or together
 * with an operand that only it uses. Inputs, constants and whatever the fusions leave unused take no step.
 */
export function planSteps({ nodes, outputs, updates }: Program, rules: Rules): Step[] {
  const results = [...Object.values(outputs), ...Object.values(updates)];
  const counts = new Map<Tensor, number>();
  for (const tensor of [...results, ...nodes.flatMap(({ operands }) => operands)]) {
    counts.set(tensor, (counts.get(tensor) ?? 0) + 1);
  }
  const isPrivate: IsPrivate = (operand, uses = 1) => counts.get(operand) === uses;

  const needed = new Set<Tensor>(results);
  const steps: Step[] = [];
  for (const tensor of reachable(results).reverse()) {
    if (!needed.has(tensor) || tensor.is('input') || tensor.is('constant')) continue;
    const step = {
      tensor,
      ...(rules.fusions.map((fuse) => fuse(tensor, isPrivate, rules)).find(Boolean) ?? alone(tensor, rules.lowerings)),
    };
    for (const operand of step.operands) needed.add(operand);
    steps.push(step);
  }
  return steps.reverse();
}

function alone(tensor: Tensor, lowerings: Lowerings): Omit<Step, 'tensor'> {
  const lower = lowerings[tensor.primitive as keyof Lowerings] as Lowering<Primitive>;
  return { operands: tensor.operands, emit: (context) => lower(tensor, context) };
}

/** Fusions into standard operators. */
export const standardFusions: readonly Fusion[] = [
  // A B + C, where C is a row, a column or a whole matrix. Gemm copies C with one thread before adding products to it,
  // which costs less than a separate pass only if the products are long.
  (tensor, isPrivate, { gemmAddsScalars }) =>
    sumWith(tensor, (matmul, addend) => {
      if (!matmul.is('matmul') || matmul.rank !== 2 || !isPrivate(matmul)) return undefined;
      if (addend.rank === 0 && !gemmAddsScalars) return undefined;
      const [a] = matmul.operands as readonly [Tensor];
      if (a.size / matmul.shape[0]! < matmul.shape[1]!) return undefined;
      return {
        operands: [...matmul.operands, addend],
        emit: (context) => product(matmul, context, addend),
      };
    }),
  (tensor, isPrivate) => (tensor.is('add') ? convWithBias(tensor, isPrivate) : undefined),
];

/** A convolution, or the sum of one that only it uses and a bias per channel. */
export function convWithBias(tensor: Tensor, isPrivate: IsPrivate): Omit<Step, 'tensor'> | undefined {
  if (tensor.is('conv2d')) return { operands: tensor.operands, emit: (context) => correlate(tensor, context) };
  return sumWith(tensor, (conv, addend) => {
    if (!conv.is('conv2d') || !isPrivate(conv) || !sameShape(addend.shape, [1, conv.shape[1]!, 1, 1])) return undefined;
    const bias = addend.is('reshape') && addend.operands[0]!.rank === 1 ? addend.operands[0]! : addend;
    return { operands: [...conv.operands, bias], emit: (context) => correlate(conv, context, bias) };
  });
}

/** Tries a fusion with each operand of a sum as the first. */
function sumWith<T>(tensor: Tensor, fuse: (first: Tensor, second: Tensor) => T | undefined): T | undefined {
  if (!tensor.is('add')) return undefined;
  const [a, b] = tensor.operands as readonly [Tensor, Tensor];
  return (
    (sameShape(a.shape, tensor.shape) ? fuse(a, b) : undefined) ??
    (sameShape(b.shape, tensor.shape) ? fuse(b, a) : undefined)
  );
}
