import type { Primitive, Primitives, TensorSpec } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';

/** Emits the kernel calls that compute a primitive from its operands. */
export type Lowering<P extends Primitive> = (
  emit: Emitter,
  operands: readonly Value[],
  attributes: Primitives[P],
  result: TensorSpec,
) => Value;

/** The lowerings of some primitives. */
export type Lowerings<P extends Primitive> = { readonly [Q in P]: Lowering<Q> };

/** The operands of a primitive that takes two. */
export function pairOf(operands: readonly Value[]): readonly [Value, Value] {
  return operands as readonly [Value, Value];
}
