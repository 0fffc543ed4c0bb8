/** Numbers as doubles, without a copy where they are. */
export function doubles(values: Float32Array | Float64Array): Float64Array {
  return values instanceof Float64Array ? values : Float64Array.from(values);
}
