/** Numbers as doubles, without a copy if they already are. */
export function doubles(values: Float32Array | Float64Array): Float64Array {
  return values instanceof Float64Array ? values : Float64Array.from(values);
}
