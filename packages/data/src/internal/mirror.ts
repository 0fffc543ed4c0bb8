/**
 * Mirrors one sample of a batch left to right, in place.
 *
 * @param x values of the whole batch, `[count, channels, height, width]`
 * @param sample which sample
 * @param size values in one sample
 * @param width pixels in a row
 */
export function mirrorSample(x: Float32Array, sample: number, size: number, width: number): void {
  const end = (sample + 1) * size;
  for (let row = sample * size; row < end; row += width) x.subarray(row, row + width).reverse();
}
