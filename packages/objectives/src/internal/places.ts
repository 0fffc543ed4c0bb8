/** Absorbs the rounding of a product: 29 of the first 100 samples belong to a share of 0.29. */
const ROUNDING = 1e-9;

/**
 * Number of samples before a place that belong to a share. They are spread evenly, every fourth sample for a share of 1/4,
 * so they depend on their places alone and not on the batch size.
 *
 * @param share in [0, 1]
 */
export function takenBefore(share: number, place: number): number {
  return Math.floor(place * share + ROUNDING);
}

/** Whether the sample at a place belongs to a share. */
export function isTaken(share: number, place: number): boolean {
  return takenBefore(share, place + 1) > takenBefore(share, place);
}
