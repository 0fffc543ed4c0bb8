/** The distances of one model's samples from the data over numbers of steps. */
export interface Curve {
  readonly name: string;
  /** How it is sampled: always to data and back with new noise, or along the flow map. */
  readonly kind: 'consistency' | 'flow map';
  /** Wasserstein-2 distances, one for each number of steps. */
  readonly distances: readonly number[];
  /** Root mean square of what a trained model's way to data is off, over points and times. */
  readonly error?: number;
  /** Where `distances` and `error` are medians over seeds, the distances of each. */
  readonly each?: readonly (readonly number[])[];
}

/** Curves that are compared. */
export interface Panel {
  /** Its name in metrics.json. */
  readonly id: string;
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Distances that are computed for the exact model, sampled as a consistency model: the error of the quadrature. */
  readonly floor?: readonly number[];
}
