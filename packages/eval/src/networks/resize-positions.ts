/**
 * Resizes a square table of position embeddings as PyTorch's `interpolate(mode='bicubic')` does: half-pixel centres,
 * Keys' kernel with `a = -3/4`, no antialiasing, edges repeated.
 *
 * @param table `[from * from, width]`
 * @param offset added to `to` in the scale alone, so that coordinates are `(i + 1/2) from / (to + offset) - 1/2`:
 *   DINOv2's code passes such a scale so that rounding does not lose a row
 * @returns `[to * to, width]`; the table itself if nothing changes
 */
export function resizePositions(
  table: Float32Array,
  { from, to, width, offset }: { from: number; to: number; width: number; offset: number },
): Float32Array {
  if (from === to) return table;
  const taps = Array.from({ length: to }, (_, i) => {
    const at = ((i + 0.5) * from) / (to + offset) - 0.5;
    const first = Math.floor(at);
    return [-1, 0, 1, 2].map((k) => ({
      index: Math.max(0, Math.min(from - 1, first + k)),
      weight: cubic(at - first - k),
    }));
  });
  const result = new Float32Array(to * to * width);
  const sums = new Float64Array(width);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      sums.fill(0);
      for (const row of taps[y]!) {
        for (const column of taps[x]!) {
          const weight = row.weight * column.weight;
          const start = (row.index * from + column.index) * width;
          for (let c = 0; c < width; c++) sums[c]! += weight * table[start + c]!;
        }
      }
      result.set(sums, (y * to + x) * width);
    }
  }
  return result;
}

function cubic(x: number): number {
  const a = -0.75;
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}
