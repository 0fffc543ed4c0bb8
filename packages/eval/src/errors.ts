import { FlowmapError } from '@flowmap/tensor';

/** Features, points or probabilities that no metric can be made of: of the wrong shape or width, or with a NaN or an infinity. */
export class FeatureError extends FlowmapError {
  /** Index of the sample at fault, where it is one sample's. */
  readonly sample: number | undefined;

  constructor(
    /** What was called: `frechetDistance`, `moments.add`. */
    readonly operation: string,
    message: string,
    sample?: number,
  ) {
    super(`${operation}: ${message}`);
    this.sample = sample;
  }
}

/** Fewer samples than a metric needs. */
export class TooFewSamplesError extends FlowmapError {
  constructor(
    readonly operation: string,
    readonly wanted: number,
    readonly got: number,
    /** Which samples: `generated`; all unless given. */
    which?: string,
  ) {
    const samples = which === undefined ? 'samples' : `${which} samples`;
    super(`${operation}: wanted at least ${wanted} ${samples}, got ${got}; give it more, or another option`);
  }
}

/** Numbers that were measured in different ways, and so say nothing about each other. */
export class ProtocolError extends FlowmapError {
  constructor(
    readonly operation: string,
    /** What differs: `samples`, `reference`. */
    readonly fields: readonly string[],
    message: string,
  ) {
    super(`${operation}: ${message}`);
  }
}
