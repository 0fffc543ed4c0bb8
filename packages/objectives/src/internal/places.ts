/** Keeps the rounding of a product from moving a sample: of a share 0.29 the hundredth sample is the 29th. */
const ROUNDING = 1e-9;

/**
 * How many of the samples before a place are those of a share. They are spread evenly, of a share 1/4 each fourth, so that which
 * samples they are depends on their places alone and not on the batch size.
 *
 * @param share in [0, 1]
 */
export function takenBefore(share: number, place: number): number {
  return Math.floor(place * share + ROUNDING);
}

/** Whether the sample at a place is one of a share. */
export function isTaken(share: number, place: number): boolean {
  return takenBefore(share, place + 1) > takenBefore(share, place);
}
