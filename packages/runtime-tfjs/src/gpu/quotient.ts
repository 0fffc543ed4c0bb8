import type { Lowering } from '../lowerings/lowering.js';
import { pairOf } from '../lowerings/lowering.js';
import { binary } from '../operations/arithmetic.js';

/** A quotient via the reciprocal: WebGL's kernel gives 1 for equal operands, even for 0 / 0 and infinities. */
export const quotient: Lowering<'div'> = (emit, operands) => {
  const [a, b] = pairOf(operands);
  const one = emit.constant({ shape: [], dtype: 'float32' }, Float64Array.of(1));
  return binary(emit, 'Multiply', a, binary(emit, 'RealDiv', one, b));
};
