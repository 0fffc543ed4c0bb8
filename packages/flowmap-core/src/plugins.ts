import type { HostData, HostTensor, HostTensors, Shape, Tensor, Tensors, TensorSpec } from '@flowmap/tensor';
import type { Path, PathName } from './path.js';

/**
 * A condition: a network's input besides points and times, or what a dataset says about a sample. Shape and dtype are
 * for one sample; the name is the key under which the spec is stored.
 */
export interface ConditionSpec extends TensorSpec {
  /** For whole numbers: they run from 0 to `categories - 1`. */
  readonly categories?: number;
}

/** Samples and their conditions, in host memory. */
export interface Batch {
  /** Values `[count, ...shape]`, row-major, finite. */
  readonly x: Float32Array;
  /**
   * Rows of the dataset's conditions by name, one for each sample: `{ label: Int32Array.of(2, 0) }` for two samples.
   */
  readonly conditions: Readonly<Record<string, HostData>>;
}

/** A source of samples. */
export interface Dataset {
  readonly name: string;
  /** Number of samples; `Infinity` for a distribution that can be drawn from forever. */
  readonly length: number;
  /** Shape of one sample: `[2]`, or `[3, 24, 24]` for images, which are channels first and in [-1, 1]. */
  readonly shape: readonly number[];
  /** Names of the classes, for display; empty for data without classes. */
  readonly classes: readonly string[];
  /** The conditions of each sample in its batches, by name; `label` if it has classes. See `classConditions`. */
  readonly conditions: Readonly<Record<string, ConditionSpec>>;
  /**
   * A text that differs whenever samples differ, such as a checksum of all of them, by which a continued run recognises
   * other data. Without one, runs compare only some samples; a view adds to the fingerprint of its data what it
   * changes.
   */
  fingerprint?(): Promise<string>;
  /** The samples of the given indices; index `i` of a distribution is its `i`-th draw. */
  batch(indices: ArrayLike<number>): Promise<Batch>;
}

/** Arguments of a network, all symbolic. */
export interface NetworkInputs {
  /** Points `[batch, ...shape]`. */
  readonly x: Tensor;
  /** Start times `[batch]`, 1 = noise, 0 = data. */
  readonly t: Tensor;
  /** Target times `[batch]`; only networks with an interval input take it. */
  readonly s?: Tensor;
  /** The network's conditions by name, each `[batch, ...shape]`. */
  readonly conditions?: Tensors;
  /**
   * The network's draws by name, each `[batch, ...shape]`; without them it is the network used for sampling, which
   * draws nothing.
   */
  readonly draws?: Tensors;
}

/** What a checkpoint needs to rebuild a network: plain JSON with the name of the network's type. */
export interface NetworkConfig {
  readonly type: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** True when the network takes the target time `s` and so can be a flow map; false for a velocity field. */
  readonly interval: boolean;
}

/** A parameter of a module. */
export interface ParameterSpec extends TensorSpec {
  /** True for what training does not change: buffers, the base of a low-rank adapter. */
  readonly fixed?: boolean;
  /** Maps its value to the one it gets after each update, as in forced normalisation. */
  readonly project?: (value: Tensor) => Tensor;
}

/** A function of parameters and inputs over symbolic tensors: a network, a discriminator, a learned weight. */
export interface Module<In, Out = Tensor> {
  /** Its parameters by name. */
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  /**
   * Initial values of the parameters, the same for the same seed on every machine.
   *
   * @param only names of the parameters that are wanted, each with the same value as when all are drawn; all unless
   *   given, and a module may return more than are wanted
   */
  init(seed: number, only?: readonly string[]): HostTensors;
  /**
   * Converts parameters of an earlier version of the module to current ones, with which it computes the same function;
   * current parameters stay as they are. Left out by a module that has had only one form.
   */
  upgrade?(params: HostTensors): HostTensors;
  /** Traces the module. */
  apply(params: Tensors, inputs: In): Out;
}

/** A module `F(x, t, s)` with conditions, whose output is shaped as `x`. */
export interface Network<C extends NetworkConfig = NetworkConfig> extends Module<NetworkInputs> {
  readonly config: C;
  /** Conditions that it takes, by name, all of them required; shapes are for one sample. */
  readonly conditions: Readonly<Record<string, ConditionSpec>>;
  /**
   * Random numbers that it takes in training, by name, each with its shape for one sample: uniform in [0, 1), drawn on
   * the host by name, seed, step and sample. Used for dropout.
   */
  readonly draws?: Readonly<Record<string, TensorSpec>>;
  /**
   * What the network computes on the way to its output, in the order in which it does: maps `[batch, channels, height,
   * width]` or vectors `[batch, width]`, as features for discriminators and probes. Left out by a network that offers
   * none.
   */
  readonly features?: (params: Tensors, inputs: NetworkInputs) => readonly Tensor[];
}

/**
 * A velocity field `v(x, t)` over symbolic tensors, with the parameters it needs: a teacher. Its ODE `dx/dt = v(x, t)`
 * runs from noise at t = 1 to data at t = 0.
 */
export interface VelocityField {
  readonly parameters: HostTensors;
  /** `v(x, t)`, shaped as `x`; `params` are symbolic stand-ins for `parameters`. */
  velocity(params: Tensors, inputs: NetworkInputs): Tensor;
}

/**
 * A velocity field that can only be evaluated: an ONNX file, a service, an async function. Training evaluates it
 * between two programs, so it needs no derivatives and no access to its parameters. See {@link opaqueField}.
 */
export interface OpaqueField {
  /**
   * `v(x, t)`, shaped as `x`.
   *
   * @param x points `[batch, ...shape]`
   * @param t times `[batch]`
   * @param conditions conditions of each sample, by name, each `[batch, ...shape]`; those that it does not take are
   *   ignored
   */
  evaluate(x: HostTensor, t: HostTensor, conditions: HostTensors): Promise<HostTensor>;
}

/**
 * A flow map `f(x, t, s)`, the point at time `s` of the ODE's trajectory through `x` at time `t`, over symbolic
 * tensors.
 */
export interface FlowMap {
  /**
   * `F(x, t, s)`: the mean of the velocity over the trajectory between `s` and `t`, shaped as `x`; defined for every
   * parametrisation of the network.
   */
  averageVelocity(x: Tensor, t: Tensor, s: Tensor): Tensor;
  /** `f(x, t, s) = x + (s - t) F(x, t, s)`, shaped as `x`; exactly `x` at s = t. */
  map(x: Tensor, t: Tensor, s: Tensor): Tensor;
  /** The same map under other conditions, such as the null class: those given replace its own, the others are kept. */
  under(conditions: Tensors): FlowMap;
}

/** How far a training run has come: `step` runs from 0 to `iterations - 1`. */
export interface Progress {
  readonly step: number;
  readonly iterations: number;
}

/** What an objective is built from: symbolic tensors of one batch. */
export interface ObjectiveContext {
  readonly student: FlowMap;
  /** The moving average of the student that {@link Objective.needs} names; no gradient flows through it. */
  readonly average?: FlowMap;
  /** Data `[batch, ...shape]`. */
  readonly x0: Tensor;
  /** Standard normal noise, shaped as `x0`. */
  readonly noise: Tensor;
  /** Point on the path between the two, shaped as `x0`. */
  readonly xt: Tensor;
  /** The path, for objectives that noise data at other times; linear unless given. */
  readonly path?: Path;
  /** Start and target times, each `[batch]`. */
  readonly t: Tensor;
  readonly s: Tensor;
  /** The objective's other draws: the tensors of {@link Objective.draws}. */
  readonly draws: Tensors;
  /** The objective's own parameters, those of {@link Objective.own}. */
  readonly own: Tensors;
  /**
   * The teacher's velocity `v(x, t)`, shaped as `x`; no gradient flows through it. It may be evaluated anywhere and as
   * often as needed. Without a teacher it is the path's velocity given both endpoints, such as `noise - x0`, which is
   * known only at `(xt, t)`.
   *
   * @throws {ConfigError} when it is evaluated elsewhere and there is no teacher
   */
  readonly velocity: (x: Tensor, t: Tensor) => Tensor;
  /** The objective's schedules at the current step, scalars. */
  readonly schedules: Tensors;
}

/** The scalar to minimise, and scalars to log. */
export interface ObjectiveResult {
  readonly loss: Tensor;
  readonly metrics: Tensors;
}

/**
 * The draws for a batch: `t[i]` is sample i's start time, `s[i]` its target time, at most `t[i]` unless the objective
 * trains towards noise too; whatever else an objective names, also row by row.
 */
export interface Draws {
  readonly t: Float32Array;
  readonly s: Float32Array;
  readonly [name: string]: Float32Array;
}

/** What an objective does, in words, for displays and reports. */
export interface ObjectiveText {
  /** Its name as written in text: `AYF-EMD`. */
  readonly title: string;
  /** How it trains and how its loss is to be read, in whole sentences. */
  readonly text: string;
  /** What its metrics are, by name, each in a few words. */
  readonly metrics?: Readonly<Record<string, string>>;
}

/** A training objective: one function over symbolic tensors, traced once. */
export interface Objective {
  readonly name: string;
  /** Its settings, defaults included: recorded with a run, and compared when the run is resumed. */
  readonly config: Readonly<Record<string, string | number | boolean | null>>;
  /**
   * `teacher: false` trains on data alone. `average` names a moving average of the student's weights from which targets
   * are computed, such as `ema`; none unless given. `interval: true` requires a network that takes target times. `path`
   * names the only path on which the objective is defined; any path will do unless given.
   */
  readonly needs: {
    readonly teacher: boolean;
    readonly average?: string;
    readonly interval?: boolean;
    readonly path?: PathName;
  };
  /** The most telling metric of its progress, for displays; only the loss unless given. */
  readonly watch?: string;
  /** What it does, in words; unless given, reports show only its name and settings. */
  readonly about?: ObjectiveText;
  /** Its own parameters that are trained with the student, such as a learned weight. */
  readonly own?: Module<never, unknown>;
  /** Numbers that change from step to step; each becomes a scalar input, so a schedule never causes retracing. */
  readonly schedules: Readonly<Record<string, (progress: Progress) => number>>;
  /**
   * Names of its draws besides the times, each with its shape for one sample: `{ middle: [] }` for a time in between.
   */
  readonly draws?: Readonly<Record<string, Shape>>;
  /** Draws the times, and what {@link Objective.draws} names, on the host; the same for the same seed and progress. */
  draw(key: Progress & { readonly seed: number }, batchSize: number): Draws;
  /** Traces the loss of a batch. */
  loss(context: ObjectiveContext): ObjectiveResult;
}
