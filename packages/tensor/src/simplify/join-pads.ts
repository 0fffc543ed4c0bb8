import type { Tensor } from '../graph/tensor.js';

/** A sum of padded tensors as a concatenation: its parts side by side along an axis, and the zeros left around them. */
export interface Joined {
  readonly parts: readonly Tensor[];
  readonly axis: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Reads a sum of tensors padded along one axis as a concatenation, if they meet without overlap: the adjoint of a
 * split. The sum may be a tree of sums.
 *
 * @returns undefined if the terms are anything else
 */
export function joinPads(terms: readonly Tensor[]): Joined | undefined {
  const pads = padsOf(terms);
  if (pads === undefined) return undefined;
  const { before: first, after: last } = pads[0]!.attributes;
  const axis = first.findIndex((n, i) => n + last[i]! > 0);
  const shifted = ({ attributes: { before, after } }: Tensor<'pad'>): boolean =>
    before.every((n, i) => i === axis || (n === 0 && after[i] === 0));
  if (!pads.every(shifted)) return undefined;
  const sorted = [...pads].sort((a, b) => a.attributes.before[axis]! - b.attributes.before[axis]!);
  const meets = (pad: Tensor<'pad'>, i: number): boolean => {
    const next = sorted[i + 1];
    return next === undefined || pad.shape[axis]! - pad.attributes.after[axis]! === next.attributes.before[axis];
  };
  if (!sorted.every(meets)) return undefined;
  const { before } = sorted[0]!.attributes;
  const { after } = sorted.at(-1)!.attributes;
  return { parts: sorted.map(({ operands }) => operands[0]!), axis, before, after };
}

/** The leaves of a tree of sums if all are pads and none occurs twice, as it would in a graph that shares its sums. */
function padsOf(terms: readonly Tensor[]): Tensor<'pad'>[] | undefined {
  const pads = new Set<Tensor<'pad'>>();
  const stack = [...terms];
  for (let term = stack.pop(); term !== undefined; term = stack.pop()) {
    if (term.is('add')) stack.push(...term.operands);
    else if (term.is('pad') && !pads.has(term)) pads.add(term);
    else return undefined;
  }
  return [...pads];
}
