import { bind, sizeOf, type Tensor } from '@flowmap/tensor';
import { AttributeProto_AttributeType as Type } from 'onnx-buf';
import { flag, float, input, ofType, type Call, type Operator, type Operators } from '../call.js';
import { jointShape } from '../host.js';
import { broadcast, traced, type Value } from '../value.js';
import { einsum } from './einsum.js';

/** Operands that are floats of one type. */
export function floats(call: Call, ...values: readonly Value[]): Tensor[] {
  const [first] = values;
  for (const { type } of values) {
    if (!type.isFloat || type !== first!.type) {
      call.refuse(
        `its operands are ${values.map((one) => one.type.name).join(' and ')}`,
        'they must be floats of one type',
      );
    }
  }
  return values.map(({ tensor }) => tensor);
}

/** `[..., m, k] x [..., k, n]`, leading axes repeated to each other; a vector is a row or a column. */
const matmul: Operator = {
  inputs: [2, 2],
  trace(call) {
    const [first, second] = [input(call, 0), input(call, 1)];
    const [x, y] = floats(call, first, second) as [Tensor, Tensor];
    if (x.rank === 0 || y.rank === 0) call.refuse('it multiplies by a scalar');
    const a = x.rank === 1 ? x.reshape([1, -1]) : x;
    const b = y.rank === 1 ? y.reshape([-1, 1]) : y;
    const product = multiplied(call, a, b);
    const shape = product.shape.filter(
      (_, axis, { length }) => !(x.rank === 1 && axis === length - 2) && !(y.rank === 1 && axis === length - 1),
    );
    return traced(first.type, product.reshape(shape));
  },
};

/** The product of matrices in leading axes, by matrices as large as possible. */
function multiplied(call: Call, a: Tensor, b: Tensor): Tensor {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const [innerToo, columns] = b.shape.slice(-2) as [number, number];
  if (inner !== innerToo) call.refuse(`it multiplies [${a.shape.join(', ')}] by [${b.shape.join(', ')}]`);
  const leading = b.shape.slice(0, -2);
  if (sizeOf(leading) === 1 && a.rank >= b.rank) {
    const product = a.reshape([-1, inner]).matmul(b.reshape([inner, columns]));
    return product.reshape([...a.shape.slice(0, -1), columns]);
  }
  const joint = jointShape(call, [a.shape.slice(0, -2), leading]);
  return broadcast(a, [...joint, rows, inner]).matmul(broadcast(b, [...joint, inner, columns]));
}

/** `alpha A B + beta C`, with A and B each transposed on request. */
const gemm: Operator = {
  inputs: [2, 3],
  trace(call) {
    const [first, c] = [input(call, 0), call.inputs[2]];
    const [a, b] = floats(call, first, input(call, 1)) as [Tensor, Tensor];
    if (a.rank !== 2 || b.rank !== 2) call.refuse('it multiplies what are no matrices');
    const [alpha, beta] = [float(call, 'alpha', 1), float(call, 'beta', 1)];
    const product = bind('matmul', [a, b], { transposeA: flag(call, 'transA'), transposeB: flag(call, 'transB') });
    const scaled = alpha === 1 ? product : product.mul(alpha);
    if (c === undefined) return traced(first.type, scaled);
    jointShape(call, [c.shape, scaled.shape]);
    const bias = c.shape.length === 0 ? c.tensor : c.tensor.reshape([c.shape.at(-2) ?? 1, c.shape.at(-1)!]);
    return traced(first.type, scaled.add(beta === 1 ? bias : bias.mul(beta)));
  },
};

const einsteinSum: Operator = {
  inputs: [1, Infinity],
  without: 'an index twice in one operand',
  trace(call) {
    const values = call.inputs.map((_, i) => input(call, i));
    const equation = ofType(call, 'equation', Type.STRING, 'a text');
    if (equation === undefined) call.refuse('its equation is missing');
    const result = einsum(call, new TextDecoder().decode(equation!.s), floats(call, ...values));
    return traced(values[0]!.type, result);
  },
};

/** Products of matrices. */
export const products: Operators = { MatMul: matmul, Gemm: gemm, Einsum: einsteinSum };
