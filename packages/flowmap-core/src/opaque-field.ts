import {
  DTypeError,
  hostTensor,
  requireKnownOptions,
  sameShape,
  ShapeError,
  type HostTensor,
  type HostTensors,
} from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import type { OpaqueField } from './plugins.js';

/** Names and conventions of an asynchronous function of named tensors. */
export interface OpaqueMapping {
  /** Its name for the points, float32 `[batch, ...shape]`. */
  readonly x: string;
  /** Its name for the times, float32 `[batch]`. */
  readonly t: string;
  /** Its names for the conditions that it takes, keyed by ours: `{ label: 'class_labels' }`; none unless given. */
  readonly conditions?: Readonly<Record<string, string>>;
  /** Its name for the output, float32, shaped as the points. */
  readonly velocity: string;
  /** Converts our time, which is 1 at noise and 0 at data, to its time: `(t) => 1000 * t`; the same unless given. */
  readonly time?: (t: number) => number;
  /**
   * The factor that converts our points to its points, by our time: `(t) => 1 / (1 - t)` for EDM's points
   * `x_0 + sigma z`; 1 unless given.
   */
  readonly scale?: (t: number) => number;
  /**
   * Converts one value of the output to the velocity, given the value of the point and our time: `(v) => -v` for a
   * velocity from noise to data, `(x0, x, t) => (x - x0) / t` for a prediction of the data; the identity unless given.
   * `x` is our point, before `scale`.
   */
  readonly toVelocity?: (output: number, x: number, t: number) => number;
}

/**
 * An asynchronous function of named tensors, such as an ONNX file, as a velocity field that can only be evaluated.
 *
 * @param evaluate called with exactly the tensors that the mapping names
 * @param mapping its names, and how its time and output convert to ours
 * @returns a field whose `evaluate` rejects with a {@link ConfigError} when a condition of the mapping is missing or
 *   the function's answer lacks the output, and with a {@link ShapeError} or {@link DTypeError} for an output that is
 *   not float32 or not shaped as the points
 * @throws {ConfigError} when the function has the same name for two inputs
 *
 * @example
 * const unet = await openOnnx('unet/model.onnx');
 * const names = { x: 'sample', t: 'timestep', conditions: { label: 'class_labels' }, velocity: 'out_sample' };
 * const teacher = opaqueField(unet, { ...names, time: (t) => 1000 * t });
 */
export function opaqueField(
  evaluate: (inputs: HostTensors) => Promise<HostTensors>,
  mapping: OpaqueMapping,
): OpaqueField {
  requireKnownOptions('opaqueField', mapping, {
    x: true,
    t: true,
    conditions: true,
    velocity: true,
    time: true,
    scale: true,
    toVelocity: true,
  });
  const { x: points, t: times, conditions: names = {}, velocity, time, scale, toVelocity } = mapping;
  const inputs = [points, times, ...Object.values(names)];
  const twice = inputs.find((name, i) => inputs.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError('opaqueField.mapping', `two inputs are called '${twice}'`);
  return {
    async evaluate(x, t, conditions) {
      const given = Object.entries(names).map(([name, theirs]) => {
        if (!Object.hasOwn(conditions, name)) {
          const got = Object.keys(conditions).join(', ') || 'none';
          throw new ConfigError(
            `conditions.${name}`,
            `the field needs it as its '${theirs}', got the conditions ${got}`,
          );
        }
        return [theirs, conditions[name]!];
      });
      const size = x.data.length / t.data.length;
      const timeOf = (i: number): number => t.data[Math.floor(i / size)]!;
      const answer = await evaluate({
        ...(Object.fromEntries(given) as HostTensors),
        [points]: scale ? mapped(x, (value, i) => value * scale(timeOf(i))) : x,
        [times]: time ? mapped(t, time) : t,
      });
      const output = Object.hasOwn(answer, velocity) ? answer[velocity] : undefined;
      if (output === undefined) {
        const got = Object.keys(answer).join(', ') || 'nothing';
        throw new ConfigError(
          'opaqueField.mapping.velocity',
          `the function's answer has no '${velocity}', it has ${got}`,
        );
      }
      const operation = `opaqueField, output '${velocity}'`;
      if (output.dtype !== 'float32') throw new DTypeError(operation, 'float32', [output.dtype]);
      if (!sameShape(output.shape, x.shape)) throw new ShapeError(operation, `[${x.shape.join(', ')}]`, [output.shape]);
      if (!toVelocity) return output;
      return mapped(output, (value, i) => toVelocity(value, x.data[i]!, timeOf(i)));
    },
  };
}

/** Applies a function to each value, keeping the array type. */
function mapped({ shape, data }: HostTensor, f: (value: number, i: number) => number): HostTensor {
  return hostTensor(shape, data.map(f));
}
