import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors, type Network } from '@flowmap/core';
import { specText, hostTensor, sameShape, sizeOf } from '@flowmap/tensor';
import type { HostData, HostTensor, HostTensors, Shape } from '@flowmap/tensor';

/** Results of an independent implementation. */
export interface Golden<Case> {
  /** The case that the results belong to, as its script recorded it. */
  readonly case: Case;
  /** Script, version of JAX and date. */
  readonly origin: Readonly<Record<string, string>>;
  readonly results: HostTensors;
}

/** Reads a file that `tools/reference/generate.py` wrote. */
export function readGolden<Case>(name: string): Golden<Case> {
  const file = join(import.meta.dirname, `${name}.safetensors`);
  const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
  const { case: description = '', ...origin } = metadata;
  return { case: JSON.parse(description) as Case, origin, results: tensors };
}

/** Value i, from 1 and row-major, is `scale sin((0.7 + 0.1 number) i^2)`: the arguments of the goldens. */
export function sines(number: number, shape: Shape, scale = 1): HostTensor {
  const value = (_: unknown, i: number): number => scale * Math.sin((0.7 + 0.1 * number) * ((i + 1) * (i + 1)));
  return hostTensor(shape, Float64Array.from({ length: sizeOf(shape) }, value));
}

/**
 * Values for a network's parameters in the order of their names, numbered from `first`: weights of variance 1 / inputs.
 * The reference has biases of keys, which have no effect and which the network drops.
 */
export function parametersOf(network: Network, first: number): HostTensors {
  const specs = network.parameters;
  const entries = Object.keys(specs)
    .sort()
    .map((name, i): [string, HostTensor] => {
      const { shape: own } = specs[name]!;
      const shape = name.endsWith('.qkv.bias') ? [(own[0]! / 2) * 3] : own;
      return [name, sines(first + i, shape, shape.length > 1 ? Math.sqrt(2 / shape[0]!) : 0.3)];
    });
  return network.upgrade!(Object.fromEntries(entries));
}

/** The results whose relative error `max |a - b| / max |b|` exceeds a tolerance or that one side lacks, in words. */
export function disagreements(got: HostTensors, wanted: HostTensors, tolerance: number): string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(got)])].flatMap((name) => {
    const [a, b] = [got[name], wanted[name]];
    if (!a || !b || !sameShape(a.shape, b.shape)) {
      return [`${name}: wanted ${b ? specText(b) : 'nothing'}, got ${a ? specText(a) : 'nothing'}`];
    }
    const error = relativeError(a.data, b.data);
    return error <= tolerance ? [] : [`${name}: relative error ${error.toExponential(1)}`];
  });
}

function relativeError(a: HostData, b: HostData): number {
  let [difference, scale] = [0, 0];
  b.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(a[i]! - value));
    scale = Math.max(scale, Math.abs(value));
  });
  return difference / scale;
}
