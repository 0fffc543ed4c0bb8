import type { Lowering } from '../lowerings/lowering.js';
import { pairOf } from '../lowerings/lowering.js';
import { binary } from '../operations/arithmetic.js';

/** A quotient by way of the reciprocal: WebGL's kernel gives 1 for equal operands, also for 0 / 0 and for infinities. */
export const quotient: Lowering<'div'> = (emit, operands) => {
  const [a, b] = pairOf(operands);
  const one = emit.constant({ shape: [], dtype: 'float32' }, Float64Array.of(1));
  return binary(emit, 'Multiply', a, binary(emit, 'RealDiv', one, b));
};
