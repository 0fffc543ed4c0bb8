import type { Program } from './program.js';
import { Tensor } from '../graph/tensor.js';

/**
 * Rebuilds a program's nodes with other tensors in place of some of its inputs and states.
 *
 * @param given the tensor that replaces an input or state; undefined keeps it
 * @returns the new tensor for each node; nodes that depend on nothing replaced map to themselves
 */
export function substitute(
  { nodes }: Program,
  given: (name: string) => Tensor | undefined,
): ReadonlyMap<Tensor, Tensor> {
  const substituted = new Map<Tensor, Tensor>();
  const replaced = (node: Tensor): Tensor => {
    if (node.is('input')) return given(node.attributes.name) ?? node;
    const operands = node.operands.map((operand) => substituted.get(operand)!);
    const isSame = operands.every((operand, i) => operand === node.operands[i]);
    return isSame ? node : new Tensor(node.primitive, operands, node.attributes, node.shape, node.dtype);
  };
  for (const node of nodes) substituted.set(node, replaced(node));
  return substituted;
}
