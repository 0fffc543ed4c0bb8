import { CheckpointError, ConfigError, modelMetadata, quoted, type Model } from '@flowmap/core';
import { sameShape, sizeOf, specText, type HostTensor, type TensorSpec } from '@flowmap/tensor';
import { ReconstructionError } from './errors.js';
import { profileCosine, profileNorm, requireWidth, type PowerProfile } from './internal/power-profile.js';
import { project } from './internal/projection.js';
import { SNAPSHOT, type Snapshot } from './snapshots.js';

/** Which average is wanted, and what there is of others. */
export interface ReconstructionOptions<S extends PowerProfile = Snapshot> {
  /** Averages of one trainee at several steps, of one width or more. */
  readonly snapshots: readonly S[];
  /** Width of the average that is wanted, in (0, 0.28), as `powerEma` has it. */
  readonly width: number;
  /** The step that it is wanted of, at least 1; that of the latest snapshot unless given. */
  readonly step?: number | undefined;
}

/** How an average is made of others. */
export interface AverageCoefficients {
  /** Of each snapshot; 0 where others stand for it. */
  readonly coefficients: readonly number[];
  /**
   * L2 distance of the combined profile from the wanted one, relative to the norm of that: 0 is the average itself, 1 is nothing of it. It
   * bounds what steps' weights differ by, of which the profile is the limit of many.
   */
  readonly residual: number;
}

/** An average that nobody tracked. */
export interface ReconstructedAverage {
  readonly model: Model;
  /** As in {@link AverageCoefficients}. */
  readonly residual: number;
}

/**
 * Coefficients of snapshots whose sum is nearest to a power-function average of another width: least squares over profiles (Karras et
 * al., "Analyzing and improving the training dynamics of diffusion models", 2024, section 3.2 and algorithm 3).
 *
 * @throws {ConfigError} when there are no snapshots, for a width out of its range, or a step less than 1
 */
export function averageCoefficients(options: ReconstructionOptions<PowerProfile>): AverageCoefficients {
  const { snapshots } = options;
  const wanted = wantedProfile(options);
  for (const { width } of snapshots) requireWidth('averageCoefficients.snapshots.width', width);
  const gram = snapshots.map((a) => snapshots.map((b) => profileCosine(a, b)));
  const { coefficients, residual } = project(
    gram,
    snapshots.map((snapshot) => profileCosine(snapshot, wanted)),
  );
  // Of profiles of norm 1 so far.
  const scaled = coefficients.map((value, i) => (value * profileNorm(wanted)) / profileNorm(snapshots[i]!));
  return { coefficients: scaled, residual };
}

/**
 * The average of the weights by a power-function profile of a width that was not tracked, made of snapshots of others. Parameters are
 * made one after the other, for each of which one tensor of one snapshot is in memory at a time; sums are in float64. Coefficients are
 * {@link averageCoefficients}, scaled to add up to 1, which they do only nearly: weights that stand still come out as they are.
 *
 * @param options.maxResidual largest `residual` that is taken, >= 0; 0.05 unless given
 * @throws {ConfigError} when there are no snapshots, they are of several trainees, for a width out of its range, or a step less than 1
 * @throws {CheckpointError} when snapshots are of several networks, or cannot be read
 * @throws {ReconstructionError} when they cannot represent the width at the step
 *
 * @example
 * const { model } = await reconstructAverage({ snapshots: snapshotsIn(store.kept), width: 0.07 });
 */
export async function reconstructAverage(
  options: ReconstructionOptions & { readonly maxResidual?: number | undefined },
): Promise<ReconstructedAverage> {
  const { snapshots, maxResidual = 0.05 } = options;
  if (!(maxResidual >= 0)) {
    throw new ConfigError('reconstructAverage.maxResidual', `wanted a number >= 0, got ${maxResidual}`);
  }
  const wanted = wantedProfile(options);
  requireOneModel(snapshots);
  const { coefficients, residual } = averageCoefficients(options);
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
    const sum = new Float64Array(sizeOf(shape));
    let isDouble = false;
    for (const [i, snapshot] of snapshots.entries()) {
      const coefficient = coefficients[i]! / total;
      if (coefficient === 0) continue;
      const { data } = await read(snapshot, name, { shape, dtype });
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

/** Checks that snapshots can be added up. */
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
