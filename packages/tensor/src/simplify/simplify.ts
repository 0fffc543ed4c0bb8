import { beforeBroadcast } from './before-broadcast.js';
import { fold } from './fold.js';
import { inferRules, type InferRule } from '../graph/infer.js';
import type { Primitive } from '../graph/primitives.js';
import { rewriteRules, type Make } from './rewrite-rules.js';
import { reachable, Tensor } from '../graph/tensor.js';

/**
 * Rebuilds a graph with equal values that is cheaper to run: common subexpressions are shared, constants folded,
 * multiplications by 0 and 1 and additions of 0 removed, transpositions moved into matrix products, reshapes and
 * broadcasts merged, and computations on repeated tensors done before the repetition. Values are equal to the last bit,
 * except for the sign of zero: sums are not regrouped, and only powers of two move or merge as factors, where that
 * cannot overflow or underflow. Some rules leave out rounding or NaN: constants are computed in double precision,
 * `a - (a - c)` becomes c, and zeros are symbolic, so `0 x` is zero even where `x` is infinite or NaN. Inputs remain
 * the same tensors.
 *
 * @returns one tensor per given output, of equal shape, dtype and value
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const shared = new Map<string, Tensor>();
  const share = (node: Tensor): Tensor => {
    const key = keyOf(node);
    const known = shared.get(key);
    if (known === undefined) shared.set(key, node);
    return known ?? node;
  };
  const make: Make = (primitive, operands, attributes) => {
    // The rules make constants anew.
    const inputs = operands.map((operand) => (operand.is('constant') ? share(operand) : operand));
    const infer: InferRule<typeof primitive> = inferRules[primitive];
    const rewrite = rewriteRules[primitive];
    const { shape, dtype } = infer(attributes, inputs);
    return share(
      fold(primitive, inputs) ??
        rewrite?.(inputs, attributes, shape, make) ??
        beforeBroadcast(primitive, inputs, attributes, shape, make) ??
        new Tensor(primitive, inputs, attributes, shape, dtype),
    );
  };
  const simplified = new Map<Tensor, Tensor>();
  for (const node of reachable(outputs)) {
    const operands = node.operands.map((operand) => simplified.get(operand)!);
    simplified.set(node, node.is('input') ? node : make(node.primitive, operands, node.attributes));
  }
  return outputs.map((output) => simplified.get(output)!);
}

const commutative: ReadonlySet<Primitive> = new Set(['add', 'mul', 'maximum', 'minimum', 'equal']);

/** Constants of up to this many numbers are compared number by number; longer ones are assumed to differ. */
const comparable = 4096;

/** A key that is equal only for nodes that certainly have equal values. */
function keyOf(node: Tensor): string {
  if (node.is('input')) return `input ${String(node.id)}`;
  if (node.is('constant')) {
    const { data, shape, dtype } = node.attributes;
    const numbers = (): string => Array.from(data, (x) => (Object.is(x, -0) ? '-0' : String(x))).join();
    return `constant ${dtype} [${shape.join()}] ${data.length <= comparable ? numbers() : `#${String(node.id)}`}`;
  }
  const ids = node.operands.map(({ id }) => id);
  if (commutative.has(node.primitive)) ids.sort((a, b) => a - b);
  return `${node.primitive} ${ids.join()} ${JSON.stringify(node.attributes)}`;
}
