import { quoted, sizeOf, type Tensor } from '@flowmap/tensor';
import type { Call } from '../call.js';
import { ofRank } from '../value.js';

/** A tensor whose axes have names. */
interface Named {
  readonly tensor: Tensor;
  readonly axes: readonly string[];
}

/**
 * The sum of products that an equation such as `bij,bjk->bik` describes; `...` stands for any axes. Operands are
 * multiplied from the first to the last, and axes that neither a later operand nor the result has are summed on
 * the way.
 */
export function einsum(call: Call, equation: string, tensors: readonly Tensor[]): Tensor {
  const refuse = (problem: string): never => call.refuse(`its equation ${quoted(equation)} ${problem}`);
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== tensors.length) refuse(`is for ${terms.length} operands of ${tensors.length}`);
  const named = terms.map((term, i) => ({ tensor: tensors[i]!, axes: axesOf(term, tensors[i]!.rank, refuse) }));
  const all = named.flatMap(({ axes }) => axes);
  const result = right === undefined ? inAlphabet(all) : axesOf(right, rankOf(right, all), refuse);
  const extents = new Map<string, number>();
  for (const { tensor, axes } of named) {
    if (new Set(axes).size !== axes.length) refuse('has an index twice in one operand');
    axes.forEach((axis, i) => {
      const known = extents.get(axis) ?? 1;
      const own = tensor.shape[i]!;
      if (known !== 1 && own !== 1 && own !== known) refuse(`has extents ${known} and ${own} for one index`);
      extents.set(axis, Math.max(known, own));
    });
  }
  if (!result.every((axis) => extents.has(axis)) || new Set(result).size !== result.length)
    refuse('has another result');
  const [first, ...others] = named;
  const product = others.reduce(
    (a, b, i) => {
      const needed = new Set([...result, ...others.slice(i + 1).flatMap(({ axes }) => axes)]);
      return multiplied(a, b, needed, extents);
    },
    summed(first!, new Set(others.length > 0 ? all : result)),
  );
  const permuted = arranged(summed(product, new Set(result)), result);
  return permuted.tensor;
}

/** The names of a term's axes, those of `...` as `.1`, `.2` and so on, counted from the last. */
function axesOf(term: string, rank: number, refuse: (problem: string) => never): string[] {
  const [before = '', after] = term.split('...');
  const isPlain = /^[a-zA-Z]*$/;
  if (!isPlain.test(before) || !isPlain.test(after ?? '') || term.split('...').length > 2) refuse('cannot be read');
  const count = rank - before.length - (after ?? '').length;
  if (count < 0 || (after === undefined && count > 0)) refuse(`does not fit an operand of rank ${rank}`);
  const ellipsis = Array.from({ length: count }, (_, i) => `.${count - i}`);
  return [...before.split(''), ...ellipsis, ...(after ?? '').split('')];
}

/** Axes that `...` stands for in any operand count for the result. */
function rankOf(term: string, all: readonly string[]): number {
  const letters = term.replace('...', '').length;
  return letters + (term.includes('...') ? new Set(all.filter((axis) => axis.startsWith('.'))).size : 0);
}

/** If the equation names no result: the axes of `...`, then those that are named once, in alphabetical order. */
function inAlphabet(all: readonly string[]): string[] {
  const ellipsis = [...new Set(all.filter((axis) => axis.startsWith('.')))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  const once = all.filter((axis) => !axis.startsWith('.') && all.indexOf(axis) === all.lastIndexOf(axis));
  return [...ellipsis, ...once.sort()];
}

function summed({ tensor, axes }: Named, needed: ReadonlySet<string>): Named {
  const gone = axes.flatMap((axis, i) => (needed.has(axis) ? [] : [i]));
  return gone.length === 0
    ? { tensor, axes }
    : { tensor: tensor.sum(gone), axes: axes.filter((axis) => needed.has(axis)) };
}

function arranged({ tensor, axes }: Named, order: readonly string[]): Named {
  const permutation = order.map((axis) => axes.indexOf(axis));
  const isSame = permutation.every((axis, i) => axis === i);
  return { tensor: isSame ? tensor : tensor.transpose(permutation), axes: order };
}

/** Two operands as one product of matrices: `[batch, m, k] x [batch, k, n]`. */
function multiplied(a: Named, b: Named, needed: ReadonlySet<string>, extents: ReadonlyMap<string, number>): Named {
  // Axes that neither the rest nor the other operand has are summed first.
  const others = (one: Named, other: Named): Named => summed(one, new Set([...needed, ...other.axes]));
  const [left, right] = [others(a, b), others(b, a)];
  const shared = left.axes.filter((axis) => right.axes.includes(axis));
  const batch = shared.filter((axis) => needed.has(axis));
  const inner = shared.filter((axis) => !needed.has(axis));
  const rows = left.axes.filter((axis) => !shared.includes(axis));
  const columns = right.axes.filter((axis) => !shared.includes(axis));
  const extent = (axis: string): number => extents.get(axis)!;
  const size = (axes: readonly string[]): number => sizeOf(axes.map(extent));
  const matrices = (one: Named, order: readonly string[], shape: readonly number[]): Tensor => {
    const { tensor } = arranged(one, order);
    return ofRank(tensor, order.length).broadcastTo(order.map(extent)).reshape(shape);
  };
  const x = matrices(left, [...batch, ...rows, ...inner], [size(batch), size(rows), size(inner)]);
  const y = matrices(right, [...batch, ...inner, ...columns], [size(batch), size(inner), size(columns)]);
  const axes = [...batch, ...rows, ...columns];
  return { tensor: x.matmul(y).reshape(axes.map(extent)), axes };
}
