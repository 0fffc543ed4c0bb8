import { grad, vjp, type Tensor } from '@flowmap/tensor';
import { derivativesOf, ofFloats, type Case } from '@flowmap/tensor/testing';

/**
 * The derivatives of a function that are compared between runtimes, including reverse over reverse, by their
 * labels.
 */
export function allDerivatives(
  f: Case['f'],
  xs: readonly Tensor[],
  directions: readonly Tensor[],
  u: Tensor,
): [label: string, tensor: Tensor][] {
  const results = derivativesOf(f, xs, directions, u).map(({ label, tensor }): [string, Tensor] => [label, tensor]);
  if (results.length === 1) return results;
  const { floats, g } = ofFloats(f, xs);
  const pulled = (...xs: Tensor[]): Tensor =>
    vjp(g, xs)[1](u)
      .map((bar, i) => bar.mul(directions[i]!).sum())
      .reduce((a, b) => a.add(b));
  const reverse = grad(pulled, floats).map((tensor, i): [string, Tensor] => [`grad of vjp, ${i}`, tensor]);
  return [...results, ...reverse];
}
