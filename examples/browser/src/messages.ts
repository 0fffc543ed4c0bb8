/** Settings of one run of the page. */
export interface Settings {
  readonly device: 'auto' | 'cpu' | 'webgpu';
  /** Determines initial weights, data, noise and times. */
  readonly seed: number;
  readonly teacherSteps: number;
  readonly studentSteps: number;
  /** Points per training step. */
  readonly batchSize: number;
  /** Width of the network's layers, and the number of its residual blocks. */
  readonly width: number;
  readonly depth: number;
  /** Points per picture. */
  readonly points: number;
}

/** The page's default settings, which the query part of its address can change: `?teacherSteps=200&start`. */
export const DEFAULTS: Settings = {
  device: 'auto',
  seed: 0,
  teacherSteps: 1500,
  studentSteps: 1500,
  batchSize: 512,
  width: 128,
  depth: 3,
  points: 2000,
};

/** Steps of the samplers whose pictures are shown. */
export const FEW = [1, 2, 4] as const;
/** Euler steps of the teacher that count as its exact flow. */
export const MANY = 32;

/** The most points whose distance from the data is measured. */
export const MEASURED = 256;

export type Phase = 'teacher' | 'student';

/** The objective of a phase: its name and its description. */
export interface Method {
  readonly title: string;
  readonly text: string;
}

/** Messages from the page to its worker. */
export type Command =
  { readonly type: 'start'; readonly settings: Settings } | { readonly type: 'pause' } | { readonly type: 'resume' };

/** Points of the plane, x and y alternating. */
export type Points = Float32Array;

/** Messages from the worker to the page. */
export type Report =
  | {
      readonly type: 'ready';
      /** The runtime, with its device: `onnx (cpu)`. */
      readonly runtime: string;
      readonly methods: Readonly<Record<Phase, Method>>;
      /** The starting points of every picture, and points of the data. */
      readonly noise: Points;
      readonly data: Points;
    }
  | {
      readonly type: 'progress';
      readonly phase: Phase;
      readonly step: number;
      readonly loss: number;
      readonly stepsPerSecond: number;
    }
  | {
      readonly type: 'samples';
      readonly phase: Phase;
      readonly step: number;
      readonly samples: readonly Samples[];
    }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string };

export interface Samples {
  /** Steps of the sampler. */
  readonly steps: number;
  readonly points: Points;
  /**
   * Root mean square distance of the points from where the teacher's exact flow takes them; absent for that flow
   * itself.
   */
  readonly distance?: number;
  /** Sliced Wasserstein-2 distance of the first points from as many points of the data. */
  readonly fromData: number;
}
