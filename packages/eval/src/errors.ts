import { FlowmapError } from '@flowmap/tensor';

/**
 * Features, points or probabilities are unusable for a metric: of the wrong shape or width, or with a NaN or an
 * infinity.
 */
export class FeatureError extends FlowmapError {
  /** Index of the sample at fault, if a single sample is. */
  readonly sample: number | undefined;

  constructor(
    /** The function called: `frechetDistance`, `moments.add`. */
    readonly operation: string,
    message: string,
    sample?: number,
  ) {
    super(`${operation}: ${message}`);
    this.sample = sample;
  }
}

/** There are fewer samples than a metric needs. */
export class TooFewSamplesError extends FlowmapError {
  constructor(
    readonly operation: string,
    readonly wanted: number,
    readonly got: number,
    /** Which samples, such as `generated`; all unless given. */
    which?: string,
  ) {
    const samples = which === undefined ? 'samples' : `${which} samples`;
    super(`${operation}: wanted at least ${wanted} ${samples}, got ${got}; give it more, or another option`);
  }
}

/** Values that were measured in different ways and so cannot be compared. */
export class ProtocolError extends FlowmapError {
  constructor(
    readonly operation: string,
    /** The fields that differ: `samples`, `reference`. */
    readonly fields: readonly string[],
    message: string,
  ) {
    super(`${operation}: ${message}`);
  }
}

/** Published weights that are missing and cannot, or may not, be downloaded. */
export class WeightsUnavailableError extends FlowmapError {
  constructor(
    /** The address to fetch. */
    readonly url: string,
    /** Where to put the file. */
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`weights ${path}: ${message} from ${url} and put it there`, options);
  }
}
