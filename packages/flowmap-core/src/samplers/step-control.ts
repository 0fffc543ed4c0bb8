import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { ToleranceError } from '../errors.js';

/** How an adaptive solver chooses the lengths of its steps. */
export interface StepLimits {
  readonly tolerance: number;
  readonly firstStep: number;
  readonly minStep: number;
  readonly maxStep: number;
  readonly maxSteps: number;
}

/** The way of a batch, each sample at its own time. */
export interface Way {
  readonly from: number;
  readonly to: number;
  /** Samples in the batch; what is beyond them stays where it is. */
  readonly live: number;
  readonly batchSize: number;
  /** Index of the first sample among all, for messages. */
  readonly first: number;
  readonly precision: Runtime['precision'];
}

/** What the next run of an adaptive solver's program tries, and what came of it. */
export interface StepControl {
  /**
   * The times of the next tries, equal for samples that are at the end; undefined when all are. In the first run all
   * are equal, for the velocities at the start.
   *
   * @throws {ToleranceError} for a sample that has taken all of its steps
   */
  next(): { readonly t: HostTensor; readonly s: HostTensor } | undefined;
  /**
   * Takes the errors of these tries, in units of the tolerance.
   *
   * @throws {ToleranceError} for the shortest step with an error above the tolerance
   */
  note(errors: ArrayLike<number>): void;
  /** Steps that each sample has taken, and tries that it had to repeat. */
  readonly steps: Int32Array;
  readonly rejected: Int32Array;
}

/** The next step is meant to have this share of the error that it may have, to the power of the method's order. */
const SAFETY = 0.9;

/** The least and the most by which the length of a step changes. */
const [SHRINK, GROWTH] = [0.2, 5];

/** How far the rounding of a time in [0, 1] may move it. */
const ROUNDING = { float32: 2 ** -25, float64: 2 ** -54 };

/** The error of a step is of the order of its length to this power. */
const ERROR_ORDER = 5;

/** Chooses the steps of a batch: `h <- 0.9 h e^(-1/5)` for an error of e tolerances, between a fifth and five times h. */
export function stepControl({ from, to, live, batchSize, first, precision }: Way, limits: StepLimits): StepControl {
  const { tolerance, firstStep, minStep, maxStep, maxSteps } = limits;
  // The program must see the times that the host sees.
  const round = precision === 'float32' ? Math.fround : (value: number): number => value;
  const [end, direction] = [round(to), Math.sign(to - from)];
  const times = new Float64Array(batchSize).fill(round(from));
  const targets = times.slice();
  const lengths = new Float64Array(live).fill(firstStep);
  const errors = new Float64Array(live);
  const [steps, rejected] = [new Int32Array(live), new Int32Array(live)];
  let started = false;

  const targetOf = (i: number): number => {
    const [time, length] = [times[i]!, lengths[i]!];
    const left = Math.abs(end - time);
    // The last step takes in a rest that would be shorter than the shortest; if that makes it too long, two share the way.
    if (left > length + minStep) return round(time + direction * length);
    const isShort = left <= maxStep + ROUNDING[precision] * (steps[i]! + 2);
    return isShort ? end : round(time + (direction * left) / 2);
  };

  const fail = (i: number, why: string): never => {
    const [time, step, reached] = [times[i]!, Math.abs(targets[i]! - times[i]!), errors[i]! * tolerance];
    const where = `at time ${time.toPrecision(4)}, after ${steps[i]!} steps`;
    const last = `the last try, a step of ${step.toPrecision(3)}, has an error of about ${reached.toPrecision(3)}`;
    throw new ToleranceError(
      ...[tolerance, first + i, time, step, reached],
      `sample ${first + i} does not meet the tolerance ${tolerance}: ${where}, ${why}; ${last}; ` +
        'give a higher tolerance, or other `minStep` and `maxSteps`',
    );
  };

  return {
    steps,
    rejected,
    next() {
      const feeds = () => ({ t: hostTensor([batchSize], times.slice()), s: hostTensor([batchSize], targets.slice()) });
      if (!started) {
        started = true;
        return feeds();
      }
      if (times.subarray(0, live).every((time) => time === end)) return undefined;
      for (let i = 0; i < live; i++) {
        const time = times[i]!;
        if (time === end) continue;
        if (steps[i]! + rejected[i]! >= maxSteps) fail(i, `it has had its ${maxSteps} tries`);
        targets[i] = targetOf(i);
        if (targets[i] === time) fail(i, 'a shorter step cannot be told from none');
      }
      return feeds();
    },
    note(found) {
      for (let i = 0; i < live; i++) {
        const [time, target, error] = [times[i]!, targets[i]!, found[i]!];
        if (target === time) continue;
        errors[i] = error;
        const length = Math.abs(target - time);
        const factor = error > 0 ? SAFETY * error ** (-1 / ERROR_ORDER) : GROWTH;
        const change = Number.isNaN(error) ? SHRINK : Math.min(GROWTH, Math.max(SHRINK, factor));
        if (error < 1) {
          times[i] = target;
          steps[i]!++;
        } else {
          rejected[i]!++;
          if (lengths[i]! <= minStep) fail(i, `its shortest step, ${minStep}, is not exact enough`);
        }
        lengths[i] = Math.min(maxStep, Math.max(minStep, length * change));
      }
    },
  };
}
