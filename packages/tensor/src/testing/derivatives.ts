import { isFloat } from '../graph/dtype.js';
import { jvp } from '../autodiff/jvp.js';
import type { Tensor } from '../graph/tensor.js';
import { grad, vjp } from '../autodiff/vjp.js';
import type { Order } from './compare.js';

/** The results of differentiating a function. */
export type DerivativeKind = 'value' | 'jvp' | 'vjp' | 'second order';

/** How often the function was differentiated. */
export const orders: Readonly<Record<DerivativeKind, Order>> = { value: 0, jvp: 1, vjp: 1, 'second order': 2 };

/** A derivative of a case, and its name for messages. */
export interface Derivative {
  readonly label: string;
  readonly kind: DerivativeKind;
  readonly tensor: Tensor;
}

/** The same function with the arguments that have no derivative (int32, bool) held fixed. */
export function ofFloats(
  f: (...args: Tensor[]) => Tensor,
  args: readonly Tensor[],
): { readonly floats: Tensor[]; readonly g: (...floats: Tensor[]) => Tensor } {
  const g = (...floats: Tensor[]): Tensor => {
    const rest = floats.values();
    return f(...args.map((arg) => (isFloat(arg.dtype) ? (rest.next().value ?? arg) : arg)));
  };
  return { floats: args.filter(({ dtype }) => isFloat(dtype)), g };
}

/**
 * Everything that differentiating a function `f` at a point `x` can return: the value; `J v`; `J^T u`; and the second
 * derivative in all mixes: the JVP of `J v` (forward over forward), `grad <u, J v>` (reverse over forward) and the JVP
 * of `J^T u` (forward over reverse). A result that is not a float has a value only.
 *
 * @param directions `v`, one per argument that is a float
 * @param cotangent `u`, of the shape of the result
 */
export function derivativesOf(
  f: (...args: Tensor[]) => Tensor,
  args: readonly Tensor[],
  directions: readonly Tensor[],
  cotangent: Tensor,
): Derivative[] {
  const value = f(...args);
  const { floats, g } = ofFloats(f, args);
  const results: Derivative[] = [{ label: 'value', kind: 'value', tensor: value }];
  if (!isFloat(value.dtype) || floats.length === 0) return results;

  const tangent = (...xs: Tensor[]): Tensor => jvp(g, xs, directions)[1];
  results.push({ label: 'jvp', kind: 'jvp', tensor: tangent(...floats) });
  vjp(g, floats)[1](cotangent).forEach((tensor, i) => results.push({ label: `vjp ${String(i)}`, kind: 'vjp', tensor }));
  results.push({ label: 'jvp of jvp', kind: 'second order', tensor: jvp(tangent, floats, directions)[1] });
  const projected = (...xs: Tensor[]): Tensor => {
    const dy = tangent(...xs);
    return dy.mul(cotangent).sum();
  };
  grad(projected, floats).forEach((tensor, i) => {
    results.push({ label: `grad of jvp, ${String(i)}`, kind: 'second order', tensor });
  });
  floats.forEach((_, i) => {
    const pulled = (...xs: Tensor[]): Tensor => vjp(g, xs)[1](cotangent)[i]!;
    const tensor = jvp(pulled, floats, directions)[1];
    results.push({ label: `jvp of vjp ${String(i)}`, kind: 'second order', tensor });
  });
  return results;
}
