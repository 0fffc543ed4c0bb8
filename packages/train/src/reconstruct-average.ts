import { CheckpointError, ConfigError, modelMetadata, quoted, type Model } from '@flowmap/core';
import { requireKnownOptions, sameShape, specText, type HostTensor, type TensorSpec } from '@flowmap/tensor';
import { ReconstructionError } from './errors.js';
import { profileCosine, profileNorm, requireWidth, type PowerProfile } from './internal/power-profile.js';
import { project } from './internal/projection.js';
import { SNAPSHOT, type Snapshot } from './snapshots.js';

/** The requested average, and the snapshots to reconstruct it from. */
export interface ReconstructionOptions<S extends PowerProfile = Snapshot> {
  /** Averages of one trainee, usually of two widths at many steps. */
  readonly snapshots: readonly S[];
  /** Width of the requested average, in (0, 0.28), as in `powerEma`. */
  readonly width: number;
  /** Step of the requested average, at least 1; that of the latest snapshot unless given. */
  readonly step?: number | undefined;
}

/** How an average is combined from others. */
export interface AverageCoefficients {
  /** One for each snapshot; 0 if the others already represent it. */
  readonly coefficients: readonly number[];
  /**
   * L2 distance of the combined profile from the requested one, relative to the norm of the latter: from 0, the same
   * average, to 1. The weights given to individual steps differ by no more than the profiles do.
   */
  readonly residual: number;
}

/** An average that was not tracked in training. */
export interface ReconstructedAverage {
  readonly model: Model;
  /** As in {@link AverageCoefficients}. */
  readonly residual: number;
}

/**
 * Coefficients by which snapshots are combined into an average of another width, by least squares over their profiles
 * (Karras et al., "Analyzing and improving the training dynamics of diffusion models", 2024, section 3.2 and
 * algorithm 3).
 *
 * @throws {ConfigError} when there are no snapshots, for a width out of its range, or a step less than 1
 */
export function averageCoefficients(options: ReconstructionOptions<PowerProfile>): AverageCoefficients {
  requireKnownOptions('averageCoefficients', options, { snapshots: true, width: true, step: true });
  const { snapshots } = options;
  const wanted = wantedProfile(options);
  for (const { width } of snapshots) requireWidth('averageCoefficients.snapshots.width', width);
  const gram = snapshots.map((a) => snapshots.map((b) => profileCosine(a, b)));
  const { coefficients, residual } = project(
    gram,
    snapshots.map((snapshot) => profileCosine(snapshot, wanted)),
  );
  // The projection is of profiles scaled to norm 1.
  const scaled = coefficients.map((value, i) => (value * profileNorm(wanted)) / profileNorm(snapshots[i]!));
  return { coefficients: scaled, residual };
}

/**
 * Reconstructs a power-function average of the weights, of a width that need not have been tracked, from snapshots of
 * others. It reads one tensor of one snapshot at a time and adds up in float64. The coefficients of
 * {@link averageCoefficients} are divided by their sum, which is only nearly 1, so that weights that do not change are
 * reproduced exactly.
 *
 * @param options.maxResidual largest accepted `residual`, in [0, 1); 0.05 unless given
 * @throws {ConfigError} when there are no snapshots or they belong to several trainees, for a width out of its range,
 *   or for a step less than 1
 * @throws {CheckpointError} when the snapshots belong to different networks, or cannot be read
 * @throws {ReconstructionError} when they cannot represent the width at the step
 *
 * @example
 * const { model } = await reconstructAverage({ snapshots: snapshotsIn(store.kept), width: 0.07 });
 */
export async function reconstructAverage(
  options: ReconstructionOptions & { readonly maxResidual?: number | undefined },
): Promise<ReconstructedAverage> {
  requireKnownOptions('reconstructAverage', options, { snapshots: true, width: true, step: true, maxResidual: true });
  const { maxResidual = 0.05, ...profiles } = options;
  const { snapshots } = profiles;
  if (!(maxResidual >= 0 && maxResidual < 1)) {
    throw new ConfigError('reconstructAverage.maxResidual', `wanted a number in [0, 1), got ${maxResidual}`);
  }
  const wanted = wantedProfile(profiles);
  requireOneModel(snapshots);
  const { coefficients, residual } = averageCoefficients(profiles);
  const total = coefficients.reduce((sum, coefficient) => sum + coefficient, 0);
  if (!(residual <= maxResidual)) throw new ReconstructionError(wanted, { residual, maxResidual }, snapshots);

  const { model } = latest(snapshots);
  const params: Record<string, HostTensor> = {};
  for (const [name, spec] of Object.entries(model.network.parameters)) {
    params[name] = spec.fixed === true ? await read(latest(snapshots), name, spec) : await combined(name, spec);
  }
  const { [SNAPSHOT]: _, ...facts } = model.training ?? {};
  const training = { ...facts, step: wanted.step, averageWidth: wanted.width };
  return { model: { ...model, params, training }, residual };

  async function combined(name: string, { shape, dtype }: TensorSpec): Promise<HostTensor> {
    let sum = new Float64Array();
    let isDouble = false;
    for (const [i, snapshot] of snapshots.entries()) {
      const coefficient = coefficients[i]! / total;
      if (coefficient === 0) continue;
      const { data } = await read(snapshot, name, { shape, dtype });
      if (sum.length === 0) sum = new Float64Array(data.length); // as many as the file has, whatever it describes
      for (let j = 0; j < sum.length; j++) sum[j]! += coefficient * data[j]!;
      isDouble = data instanceof Float64Array;
    }
    return { shape, dtype, data: isDouble ? sum : Float32Array.from(sum) };
  }
}

async function read(snapshot: Snapshot, name: string, { shape, dtype }: TensorSpec): Promise<HostTensor> {
  const tensor = await snapshot.tensor(name);
  if (tensor.dtype === dtype && sameShape(tensor.shape, shape)) return tensor;
  const fault = `wanted ${quoted(name)} as ${specText({ shape, dtype })}, got ${specText(tensor)}`;
  throw new CheckpointError(snapshot.source, fault, { tensor: name });
}

function wantedProfile({ snapshots, width, step }: ReconstructionOptions<PowerProfile>): PowerProfile {
  requireWidth('width', width);
  if (snapshots.length === 0) throw new ConfigError('snapshots', 'wanted at least one, got none');
  const wanted = { width, step: step ?? latest(snapshots).step };
  if (!(wanted.step >= 1)) throw new ConfigError('step', `wanted a number >= 1, got ${step}`);
  return wanted;
}

function latest<S extends PowerProfile>(snapshots: readonly S[]): S {
  return snapshots.reduce((last, snapshot) => (snapshot.step >= last.step ? snapshot : last));
}

/** Checks that the snapshots can be combined. */
function requireOneModel(snapshots: readonly Snapshot[]): void {
  const trainees = [...new Set(snapshots.map(({ trainee }) => trainee))];
  if (trainees.length > 1) {
    throw new ConfigError('snapshots', `wanted those of one trainee, got some of each of ${trainees.join(', ')}`);
  }
  const described = ({ model: { training: _, ...rest } }: Snapshot): string => JSON.stringify(modelMetadata(rest));
  const [first] = snapshots;
  const other = snapshots.find((snapshot) => described(snapshot) !== described(first!));
  if (other !== undefined) {
    const fault = `is of another network, other classes or another path than ${first!.source}`;
    throw new CheckpointError(other.source, `${fault}; averages are made of one training`);
  }
}
