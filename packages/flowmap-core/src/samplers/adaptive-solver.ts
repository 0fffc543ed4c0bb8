import {
  and,
  hostTensor,
  hostZeros,
  inWords,
  not,
  or,
  requireKnownOptions,
  requireRuntime,
  requireWhole,
  select,
  sizeOf,
  type Executable,
  type Feeds,
  type HostTensor,
  type OptionNames,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { withPrefix } from '../internal/names.js';
import { checkedModel, type Model } from '../models/model.js';
import { perSample } from '../path.js';
import type { Network } from '../plugins.js';
import { embeddedStep } from './dormand-prince.js';
import { compileField } from './compile-field.js';
import { checkedRows, rowsOf } from './rows.js';
import { explicitArguments, type SampleArguments, type SampleRequest } from './sample-request.js';
import { stepControl, type StepControl, type StepLimits } from './step-control.js';

/** Options of {@link compileAdaptiveSolver}. */
export interface AdaptiveSolverOptions {
  /** Samples per run of the program. */
  readonly batchSize: number;
  /**
   * The error that a step may have, as the root mean square over a sample's values of the error divided by
   * `1 + |x|`: absolute for values below 1, relative above. At least 1e-6 where the runtime computes in single
   * precision, 1e-14 in double; 1e-4 unless given.
   */
  readonly tolerance?: number;
  /** Length of the first step, which later ones adapt from; 0.05 unless given. */
  readonly firstStep?: number;
  /** Length of the shortest step, below which the tolerance counts as one that cannot be met; 1e-6 unless given. */
  readonly minStep?: number;
  /** Length of the longest step, up to the rounding of times; 1, all the way, unless given. */
  readonly maxStep?: number;
  /** Steps, also rejected ones, that each sample may take; 1000 unless given. */
  readonly maxSteps?: number;
}

type CheckedOptions = StepLimits & { readonly batchSize: number };

/** What an adaptive solver starts from: noise that is at hand, and the ends of the way. */
export interface SolveArguments extends Pick<SampleArguments, 'noise' | 'conditions'> {
  /** Time of the given points, in [0, 1]; 1 = noise unless given. */
  readonly from?: number;
  /** Time of the wanted points, in [0, 1]; 0 = data unless given. Above `from` it leads towards noise. */
  readonly to?: number;
}

/** What an adaptive solver samples, with noise from numbers. */
export type SolveRequest = Omit<SampleRequest, 'steps' | 'times'>;

const SOLVE_REQUEST: OptionNames<SolveRequest> = {
  count: true,
  seed: true,
  labels: true,
  guidance: true,
  firstSample: true,
};

/** Points at the end of their trajectories, and what they took. */
export interface AdaptiveSolution {
  /** The points, float32 (float64 where the runtime computes so), shaped as the noise. */
  readonly points: HostTensor;
  /** Steps of each sample that were within the tolerance. */
  readonly steps: Int32Array;
  /** Steps of each sample that were not, and were tried again at a smaller length. */
  readonly rejected: Int32Array;
  /** Evaluations of the network, of all batches: six for each try of a batch's slowest sample, and six before. */
  readonly evaluations: number;
}

/** A solver on a runtime, with the parameters on its device. */
export interface AdaptiveSolver {
  /**
   * Follows the ODE from each point to the wanted time. A sample's steps do not depend on the others'.
   *
   * @throws {ToleranceError} when a sample would need steps that are too short or too many
   * @throws {ShapeError} for noise that is not `[count, ...shape]`
   * @throws {ConfigError} for conditions that the network lacks or does not take, or times outside [0, 1]
   */
  solve(args: SolveArguments | SolveRequest): Promise<AdaptiveSolution>;
  /** Releases the program and the parameters. */
  dispose(): Promise<void>;
}

/** Lowest tolerances, some units in the last place of 1. */
const LEAST_TOLERANCE = { float32: 1e-6, float64: 1e-14 };

/**
 * Compiles the adaptive Dormand–Prince solver 5(4) of a model's ODE `dx/dt = v(x, t)`: each step has an error estimate,
 * and its length is chosen so that the estimate is just below a tolerance, for each sample on its own
 * (Hairer, Nørsett & Wanner, "Solving ordinary differential equations I", II.4: `h <- 0.9 h e^(-1/5)`, between a fifth
 * and five times h). A flow map's network is used at s = t, where it is a velocity.
 *
 * @param given a velocity field or a flow map
 * @throws {ConfigError} for an unknown option, a model whose parameters are not those of its network, a tolerance below
 *   the runtime's precision, lengths that are not `0 < minStep <= firstStep <= maxStep`, or counts that are not whole
 *   numbers >= 1
 *
 * @example
 * const solver = await compileAdaptiveSolver(runtime, teacher, { batchSize: 16, tolerance: 1e-5 });
 * const { points, evaluations } = await solver.solve({ count: 16, seed: 0 });
 */
export async function compileAdaptiveSolver(
  runtime: Runtime,
  given: Model,
  options: AdaptiveSolverOptions,
): Promise<AdaptiveSolver> {
  requireRuntime('runtime', runtime);
  const limits = checkedOptions(runtime, options);
  const model = checkedModel('model', given);
  const { network, classes } = model;
  const { batchSize } = limits;
  const points = [batchSize, ...network.config.shape];
  const executable = await compileTries(runtime, model, limits);
  const array = runtime.precision === 'float64' ? Float64Array : Float32Array;
  return {
    async solve(wanted) {
      const { noise, conditions = {}, from = 1, to = 0 } = solveArguments(wanted, network, classes);
      for (const [name, time] of Object.entries({ from, to })) {
        if (!(time >= 0 && time <= 1)) throw new ConfigError(name, `wanted a time in [0, 1], got ${inWords(time)}`);
      }
      const rows = checkedRows(network, { noise, conditions });
      const [count, size] = [noise.shape[0]!, sizeOf(network.config.shape)];
      const out = array.from(noise.data);
      const totals = { steps: new Int32Array(count), rejected: new Int32Array(count), evaluations: 0 };
      for (let first = 0; first < count; first += batchSize) {
        const live = Math.min(batchSize, count - first);
        const x = new array(batchSize * size);
        x.set(out.subarray(first * size, (first + live) * size));
        const control = stepControl({ from, to, live, batchSize, first, precision: runtime.precision }, limits);
        const part = withPrefix('conditions', rowsOf(rows, first, batchSize));
        const end = await follow(executable, control, hostTensor(points, x), part);
        out.set(end.points.data.subarray(0, live * size), first * size);
        totals.steps.set(control.steps, first);
        totals.rejected.set(control.rejected, first);
        totals.evaluations += EVALUATIONS * end.runs;
      }
      return { points: hostTensor(noise.shape, out), ...totals };
    },
    dispose: () => executable.dispose(),
  };
}

function solveArguments(
  wanted: SolveArguments | SolveRequest,
  network: Network,
  classes: readonly string[],
): SolveArguments {
  if (typeof wanted === 'object' && 'noise' in wanted) {
    requireKnownOptions<SolveArguments>('solve', wanted, { noise: true, conditions: true, from: true, to: true });
    return wanted;
  }
  requireKnownOptions<SolveRequest>('solve', wanted, SOLVE_REQUEST);
  const { noise, conditions } = explicitArguments({ ...wanted, steps: 1 }, network, classes);
  return { noise, ...(conditions === undefined ? {} : { conditions }) };
}

function checkedOptions({ precision, name }: Runtime, options: AdaptiveSolverOptions): CheckedOptions {
  requireKnownOptions('compileAdaptiveSolver', options, {
    batchSize: true,
    tolerance: true,
    firstStep: true,
    minStep: true,
    maxStep: true,
    maxSteps: true,
  });
  const { batchSize, tolerance = 1e-4, minStep = 1e-6, maxStep = 1, maxSteps = 1000 } = options;
  const { firstStep = Math.max(minStep, Math.min(0.05, maxStep)) } = options;
  requireWhole('batchSize', batchSize);
  requireWhole('maxSteps', maxSteps);
  const least = LEAST_TOLERANCE[precision];
  if (!(tolerance >= least && tolerance < Infinity)) {
    const why = `wanted a number of at least ${least}, as ${name} computes in ${precision}`;
    throw new ConfigError('tolerance', `${why}; got ${inWords(tolerance)}`);
  }
  if (!(minStep > 0 && minStep <= firstStep && firstStep <= maxStep && maxStep <= 1)) {
    const got = `${minStep}, ${firstStep} and ${maxStep}`;
    throw new ConfigError('minStep', `wanted 0 < minStep <= firstStep <= maxStep <= 1, got ${got}`);
  }
  return { batchSize, tolerance, firstStep, minStep, maxStep, maxSteps };
}

/**
 * Compiles the program of one try: from `x` at `t`, where the velocity is `velocity`, to `s`. Samples whose error is
 * not below the tolerance stay where they are, and those with `s = t`, which only get their velocity.
 */
function compileTries(runtime: Runtime, model: Model, { batchSize, tolerance }: CheckedOptions): Promise<Executable> {
  const points = [batchSize, ...model.network.config.shape];
  const inputs = { x: points, velocity: points, t: [batchSize], s: [batchSize] };
  return compileField(runtime, 'adaptive solver', model, { batchSize, inputs }, (field, tensors) => {
    const [x, velocity, t, s] = [tensors['x']!, tensors['velocity']!, tensors['t']!, tensors['s']!];
    const next = embeddedStep(field, x, t, s, velocity);
    const scale = x.abs().maximum(next.x.abs()).add(1).mul(tolerance);
    const axes = x.shape.map((_, axis) => axis).slice(1);
    const error = next.error.div(scale).square().mean(axes).sqrt();
    const [still, isExact] = [s.equal(t), error.less(1)]; // false for NaN
    const all = (mask: Tensor): Tensor => perSample(mask, x).broadcastTo(x.shape);
    return {
      x: select(all(and(isExact, not(still))), next.x, x),
      velocity: select(all(or(isExact, still)), next.velocity, velocity),
      error,
    };
  });
}

/** Evaluations of the network in one run. */
const EVALUATIONS = 6;

/** Runs tries until all samples are at the end; returns the points there, and how many runs it took. */
async function follow(
  executable: Executable,
  control: StepControl,
  x: HostTensor,
  conditions: Feeds,
): Promise<{ readonly points: HostTensor; readonly runs: number }> {
  let held: Feeds = { x, velocity: hostZeros(x) };
  let runs = 0;
  const release = (tensors: Feeds): void => {
    for (const tensor of Object.values(tensors)) if ('dispose' in tensor) tensor.dispose();
  };
  try {
    for (let next = control.next(); next !== undefined; next = control.next(), runs++) {
      const { error, ...results } = await executable.run({ ...conditions, ...held, ...next });
      release(held);
      held = results;
      try {
        control.note((await error!.read()).data);
      } finally {
        error!.dispose();
      }
    }
    const end = held['x']!;
    return { points: 'read' in end ? await end.read() : end, runs };
  } finally {
    release(held);
  }
}
