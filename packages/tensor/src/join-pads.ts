import type { Tensor } from './tensor.js';

/** What a sum of padded tensors amounts to: its parts side by side along an axis, and the zeros left around them. */
export interface Joined {
  readonly parts: readonly Tensor[];
  readonly axis: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * Reads a sum of tensors padded along one axis as a concatenation, where they meet without overlap: the adjoint of a split. The
 * sum may be a tree of sums.
 *
 * @returns undefined where the terms are anything else
 */
export function joinPads(terms: readonly Tensor[]): Joined | undefined {
  const pads = terms.flatMap(leaves);
  if (!pads.every((term): term is Tensor<'pad'> => term.is('pad'))) return undefined;
  const axis = pads[0]!.shape.findIndex((_, i) => pads[0]!.attributes.before[i]! + pads[0]!.attributes.after[i]! > 0);
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

function leaves(term: Tensor): Tensor[] {
  return term.is('add') && term.operands.every((operand) => operand.is('add') || operand.is('pad'))
    ? term.operands.flatMap(leaves)
    : [term];
}
