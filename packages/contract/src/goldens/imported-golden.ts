import { readFileSync } from 'node:fs';
import { decodeSafetensors } from '@flowmap/core';
import type { ImportedOnnx } from '@flowmap/runtime-onnx';
import {
  gradients,
  jvp,
  program,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Program,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';

/** A model of another library with its results there, as `tools/reference/imported_models.py` wrote them. */
export interface ImportedGolden {
  /** Arguments by the names of the file's inputs. */
  readonly inputs: HostTensors;
  /** The direction of `jvp` for the inputs that are real numbers. */
  readonly tangents: HostTensors;
  readonly cotangent: HostTensor;
  readonly output: HostTensor;
  readonly jvp: HostTensor;
  /** Gradients of `<cotangent, output>` with respect to the library's parameters. */
  readonly gradients: HostTensors;
  /** For each file, the initializer that holds each parameter. */
  readonly initializers: Readonly<Record<string, Readonly<Record<string, Place>>>>;
}

interface Place {
  readonly initializer: string;
  readonly transposed?: boolean;
  /** The order of the parameter's axes in it. */
  readonly axes?: readonly number[];
}

/** Largest differences, relative to the largest value. */
export interface Differences {
  readonly output: number;
  readonly jvp: number;
  /**
   * The worst gradient of a parameter, relative to its own largest value, but at least to `SMALL` times that
   * of all.
   */
  readonly gradient: number;
  readonly worst: string;
  /** Number of gradients compared. */
  readonly compared: number;
}

/**
 * A share of the largest gradient: some gradients vanish, such as that of the bias of keys, and are nothing
 * but rounding.
 */
const SMALL = 1e-3;

/** Reads the results beside the files. */
export function readImportedGolden(path: string): ImportedGolden {
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path);
  const of = (prefix: string): HostTensors =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
      ),
    );
  const tangents = of('tangent.');
  const { output, jvp, cotangent } = tensors;
  return {
    inputs: Object.fromEntries(
      ['sample', 'timestep', 'class_labels'].flatMap((name) => (tensors[name] ? [[name, tensors[name]]] : [])),
    ),
    tangents,
    cotangent: cotangent!,
    output: output!,
    jvp: jvp!,
    gradients: of('gradient.'),
    initializers: JSON.parse(metadata['initializers']!) as ImportedGolden['initializers'],
  };
}

/** Compares an imported model with the library's own results. */
export async function compareImported(
  runtime: Runtime,
  network: ImportedOnnx,
  file: string,
  golden: ImportedGolden,
): Promise<Differences> {
  const executable = await runtime.compile(derivatives(network, golden));
  const { inputs, tangents, cotangent } = golden;
  const outputs = await executable.run({
    ...inputs,
    ...prefixed('tangent.', tangents),
    cotangent,
    ...network.parameters,
  });
  const values: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    values[name] = await tensor.read();
    tensor.dispose();
  }
  await executable.dispose();

  const places = Object.entries(golden.initializers[file]!);
  const floor = SMALL * Math.max(...Object.values(golden.gradients).map(({ data }) => largest(data)));
  const errors = places.map(
    ([parameter, { initializer, transposed = false, axes = transposed ? [1, 0] : undefined }]) => {
      const wanted = golden.gradients[parameter]!;
      const got = values[`gradient.${initializer}`];
      const error = got ? difference(got.data, axes ? turned(wanted, axes) : wanted.data, floor) : Infinity;
      return { parameter, error };
    },
  );
  const worst = errors.reduce((a, b) => (b.error <= a.error ? a : b));
  return {
    output: difference(values['output']!.data, golden.output.data),
    jvp: difference(values['jvp']!.data, golden.jvp.data),
    gradient: worst.error,
    worst: worst.parameter,
    compared: errors.length,
  };
}

/** One program: the output, its derivative along the tangents, and the gradients with respect to every parameter. */
function derivatives(network: ImportedOnnx, { inputs, tangents, cotangent }: ImportedGolden): Program {
  const given = { ...inputs, ...prefixed('tangent.', tangents), cotangent, ...network.parameters };
  const real = Object.keys(tangents);
  return program<string, string>('derivatives', { inputs: given }, (tensors) => {
    const params = Object.fromEntries(Object.keys(network.parameters).map((name) => [name, tensors[name]!]));
    const own: Tensors = Object.fromEntries(Object.keys(inputs).map((name) => [name, tensors[name]!]));
    const apply = (...moved: Tensor[]): Tensor =>
      Object.values(
        network.apply(params, { ...own, ...Object.fromEntries(real.map((name, i) => [name, moved[i]!])) }),
      )[0]!;
    const points = real.map((name) => tensors[name]!);
    const directions = real.map((name) => tensors[`tangent.${name}`]!);
    const [output, tangent] = jvp(apply, points, directions);
    const byParameter = gradients(output.mul(tensors['cotangent']!).sum(), params);
    return { outputs: { output, jvp: tangent, ...prefixed('gradient.', byParameter) } };
  });
}

function prefixed<T>(prefix: string, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The largest difference, relative to the largest wanted value or `floor`; infinite for NaN. */
export function difference(got: ArrayLike<number>, wanted: ArrayLike<number>, floor = 0): number {
  if (got.length !== wanted.length) return Infinity;
  let most = 0;
  for (let i = 0; i < wanted.length; i++) most = Math.max(most, Math.abs(wanted[i]! - got[i]!));
  return Number.isNaN(most) ? Infinity : most / Math.max(largest(wanted), floor);
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

/** The numbers of a tensor whose axes are put in another order. */
function turned({ shape, data }: HostTensor, axes: readonly number[]): Float64Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const extents = axes.map((axis) => shape[axis]!);
  return Float64Array.from(data, (_, i) => {
    let [rest, place] = [i, 0];
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      place += (rest % extents[axis]!) * strides[axes[axis]!]!;
      rest = Math.floor(rest / extents[axis]!);
    }
    return data[place]!;
  });
}
