import { ConfigError, type NetworkInputs, type Predictor } from '@flowmap/core';
import { FeedError, inWords, requireKnownOptions, sameShape, type Tensor, type Tensors } from '@flowmap/tensor';
import { roundOf } from './operators/elementwise.js';
import type { ImportedOnnx } from './import-onnx.js';
import type { OnnxValue } from '../open-onnx.js';

/** The names that a file has for what a network takes and returns. */
export interface ImportMapping {
  /** Its input for the points, `[batch, ...shape]`: `sample`. */
  readonly x: string;
  /** Its input for the times, `[batch]` or `[batch, 1, ...]`: `timestep`. */
  readonly t: string;
  /** Its input for the target times, if it is a flow map. */
  readonly s?: string;
  /** Its inputs for conditions, by our names for them: `{ label: 'class_labels' }`; none unless given. */
  readonly conditions?: Readonly<Record<string, string>>;
  /** Its output; the only one unless given. */
  readonly output?: string;
  /** Factor from our times to its times: 1000 where timesteps count to a thousand; 1 unless given. */
  readonly timeScale?: number;
  /**
   * True rounds times to whole numbers for a file that takes them as integers. It then has no derivative with respect
   * to time: it can teach, but cannot be a student.
   */
  readonly wholeTimes?: boolean;
}

/** The names of {@link ImportMapping}'s options. */
export const mappingOptions = {
  x: true,
  t: true,
  s: true,
  conditions: true,
  output: true,
  timeScale: true,
  wholeTimes: true,
} as const;

/**
 * What an imported network predicts for points and times in its own terms, for `velocityFromNoisePrediction` and its
 * like.
 *
 * @throws {ConfigError} for a name that the file does not have, an input that is not mapped, and times that the file
 *   takes in another form
 *
 * @example
 * const network = await importOnnxFile('unet.onnx');
 * const predictor = importedPredictor(network, { x: 'sample', t: 'timestep', timeScale: 1000 });
 * const teacher = velocityFromNoisePrediction(predictor, { noise: vpNoise() });
 */
export function importedPredictor(network: ImportedOnnx, mapping: ImportMapping): Predictor {
  const output = checkedMapping('importedPredictor', network, mapping);
  const { x: points, t: times, s: targets, conditions: names = {} } = mapping;
  return {
    parameters: network.parameters,
    predict(params, inputs) {
      const { x, conditions = {} } = inputs;
      const timeFor = (name: string, t: Tensor): Tensor => timesFor(network.inputs[name]!, t, mapping);
      const given = Object.entries(names).map(([name, theirs]): [string, Tensor] => {
        const value = Object.hasOwn(conditions, name) ? conditions[name] : undefined;
        if (value === undefined) {
          const got = Object.keys(conditions).join(', ') || 'none';
          throw new ConfigError(
            `conditions.${name}`,
            `the file needs it as its '${theirs}', got the conditions ${got}`,
          );
        }
        return [theirs, value.cast(network.inputs[theirs]!.dtype)];
      });
      const feeds: Tensors = {
        ...Object.fromEntries(given),
        [points]: x.cast(network.inputs[points]!.dtype),
        [times]: timeFor(times, inputs.t),
        ...(targets === undefined ? {} : { [targets]: timeFor(targets, targetOf(inputs)) }),
      };
      const prediction = withMapping(network, mapping, () => network.apply(params, feeds)[output]!);
      if (!sameShape(prediction.shape, x.shape)) {
        const got = `its output '${output}' is [${prediction.shape.join(', ')}], wanted [${x.shape.join(', ')}]`;
        throw new ConfigError(
          'importedPredictor.output',
          `${got}, the shape of its points (${triedText(network, mapping)})`,
        );
      }
      return prediction.cast(x.dtype);
    },
  };
}

/** Adds the mapping to the error of an input that does not fit. */
function withMapping<T>(network: ImportedOnnx, mapping: ImportMapping, trace: () => T): T {
  try {
    return trace();
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    throw new ConfigError('importedPredictor', `${error.message} (${triedText(network, mapping)})`);
  }
}

/** A mapping and what a file takes, for messages. */
function triedText({ inputs }: ImportedOnnx, mapping: ImportMapping): string {
  const taken = Object.entries(inputs).map(([name, value]) => `${name} ${valueText(value)}`);
  return `tried ${JSON.stringify(mapping)}; the file takes ${taken.join(', ')}`;
}

/** A velocity is a mean velocity over an interval of length 0. */
function targetOf({ t, s }: NetworkInputs): Tensor {
  return s ?? t;
}

/** Times `[batch]` in the terms and the shape of an input. */
function timesFor({ dtype, shape }: OnnxValue, t: Tensor, { timeScale = 1 }: ImportMapping): Tensor {
  const scaled = timeScale === 1 ? t : t.mul(timeScale);
  const numbers = dtype === 'int32' ? roundOf(scaled).cast('int32') : scaled.cast(dtype);
  return numbers.reshape([...t.shape, ...shape.slice(1).map(() => 1)]);
}

/**
 * Checks a mapping against a file.
 *
 * @returns the name of the output
 * @throws {ConfigError} with the mapping that was tried and the names that there are
 */
export function checkedMapping(caller: string, network: ImportedOnnx, mapping: ImportMapping): string {
  requireKnownOptions(caller, mapping, mappingOptions);
  const { x, t, s, conditions = {}, timeScale = 1, wholeTimes = false } = mapping;
  const tried = triedText(network, mapping);
  const roles: readonly (readonly [string, string])[] = [
    ['x', x],
    ['t', t],
    ...(s === undefined ? [] : [['s', s] as const]),
    ...Object.entries(conditions).map(([name, theirs]) => [`conditions.${name}`, theirs] as const),
  ];
  const names = roles.map(([, name]) => name);
  for (const [role, name] of roles) {
    const fail = (problem: string): never => {
      throw new ConfigError(`${caller}.${role}`, `${problem} (${tried})`);
    };
    if (!Object.hasOwn(network.inputs, name)) fail(`the file has no input ${inWords(name)}`);
    if (names.indexOf(name) !== names.lastIndexOf(name)) fail(`the input '${name}' is mapped twice`);
    const { dtype, shape } = network.inputs[name]!;
    if (shape.length === 0)
      fail(`the input '${name}' is one number for all samples; export the model with one for each`);
    if (role !== 't' && role !== 's') continue;
    if (shape.slice(1).some((extent) => extent !== 1)) fail(`the input '${name}' is not one number for each sample`);
    if (dtype === 'int32' && !wholeTimes) {
      fail(`the input '${name}' takes whole numbers; export the model with floats, or give wholeTimes: true`);
    }
  }
  const missing = Object.keys(network.inputs).find((name) => !names.includes(name));
  if (missing !== undefined) throw new ConfigError(caller, `nothing is mapped to the input '${missing}' (${tried})`);
  if (!(timeScale > 0 && timeScale < Infinity)) {
    throw new ConfigError(`${caller}.timeScale`, `wanted a number > 0, got ${inWords(timeScale)}`);
  }
  const outputs = Object.keys(network.outputs);
  const output = mapping.output ?? (outputs.length === 1 ? outputs[0] : undefined);
  if (output !== undefined && outputs.includes(output)) return output;
  const problem =
    output === undefined ? 'the file has more than one output' : `the file has no output ${inWords(output)}`;
  throw new ConfigError(`${caller}.output`, `${problem}; there are: ${outputs.join(', ')}`);
}

function valueText({ dtype, shape }: OnnxValue): string {
  return `${dtype} [${shape.map((extent) => extent ?? 'any').join(', ')}]`;
}
