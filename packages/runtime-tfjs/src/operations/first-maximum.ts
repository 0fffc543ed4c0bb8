import type { Emitter, Value } from '../emitter.js';
import { binary, cast, choose, compare, convert, reduce } from './arithmetic.js';
import { broadcast } from './layout.js';

/**
 * Index of the first maximum of each line of `[lines, count]`, or of its first NaN, as int32 `[lines]`. ArgMax kernels
 * ignore NaN, and WebGPU's takes any of several maxima; here each candidate gets its distance to the end, and the
 * largest wins.
 *
 * @param largest the maximum of each line, `[lines, 1]`
 */
export function firstMaximum(emit: Emitter, x: Value, largest: Value): Value {
  const count = x.shape[1]!;
  const constant = (shape: readonly number[], values: readonly number[]): Value =>
    emit.constant({ shape, dtype: 'float32' }, Float32Array.from(values));
  const isNaN = compare(emit, 'NotEqual', x, x);
  const anyNaN = reduce(emit, 'Max', cast(emit, isNaN, 'float32'), [1], true);
  const isMaximum = compare(emit, 'Equal', x, largest);
  const candidates = choose(emit, cast(emit, broadcast(emit, anyNaN, x.shape), 'bool'), isNaN, isMaximum);
  const distances = constant(
    [1, count],
    Array.from({ length: count }, (_, i) => count - i),
  );
  const ranked = binary(emit, 'Multiply', cast(emit, candidates, 'float32'), distances);
  const index = binary(emit, 'Sub', constant([], [count]), reduce(emit, 'Max', ranked, [1], false));
  return convert(emit, index, 'int32');
}
