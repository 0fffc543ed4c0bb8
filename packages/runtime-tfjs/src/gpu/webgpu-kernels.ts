import type { Kernel } from '../device.js';
import type { Backend, TensorInfo } from '../tfjs.js';

/** Number of rows of the second matrix that the registered product reads at a time. */
const tile = 32;

/** Replacements for kernels of the WebGPU back end that mishandle integers, bools, infinities or NaN. */
export function webgpuKernels(backend: Backend, native: (name: string) => Kernel): Readonly<Record<string, Kernel>> {
  const [relabel, add, pad, multiply] = [native('Cast'), native('Add'), native('PadV2'), native('BatchMatMul')];
  const release = (info: TensorInfo): void => void backend.disposeData(info.dataId);

  /** From int32 and bool to float32 the registered kernel only relabels the buffer, which makes other kernels fail. */
  const convert = (x: TensorInfo, dtype: string): TensorInfo => {
    const relabelled = relabel({ x }, { dtype });
    if (dtype !== 'float32' || x.dtype === 'float32') return relabelled;
    const zero = { dataId: backend.write(new Float32Array(1), [], 'float32'), shape: [], dtype: 'float32' };
    const converted = add({ a: relabelled, b: zero }, {});
    release(relabelled);
    release(zero);
    return converted;
  };

  /** A kernel whose program only compiles for floats: integers are exact up to 2^24. */
  const onFloats = (name: string): Kernel => {
    const kernel = native(name);
    return (inputs, attributes) => {
      const { x } = named(inputs);
      if (x.dtype === 'float32') return kernel(inputs, attributes);
      const floats = convert(x, 'float32');
      const result = kernel({ x: floats }, attributes);
      const converted = convert(result, x.dtype);
      release(floats);
      release(result);
      return converted;
    };
  };

  /**
   * `[batch, m, k] x [batch, k, n]` of whole tiles along k. If a tile extends beyond the second matrix, the registered
   * kernel multiplies whatever is there by zero, which gives NaN for an infinity or NaN belonging to other results.
   */
  const batchMatMul: Kernel = (inputs, attributes) => {
    const { a, b } = inputs as Readonly<Record<'a' | 'b', TensorInfo>>;
    const [axisA, axisB] = [attributes['transposeA'] === true ? 1 : 2, attributes['transposeB'] === true ? 2 : 1];
    const rest = a.shape[axisA]! % tile;
    if (rest === 0) return multiply(inputs, attributes);
    const extended = (x: TensorInfo, axis: number): TensorInfo => {
      const paddings = x.shape.map((_, i) => [0, i === axis ? tile - rest : 0]);
      return pad({ x }, { paddings, constantValue: 0 });
    };
    const [left, right] = [extended(a, axisA), extended(b, axisB)];
    const product = multiply({ a: left, b: right }, attributes);
    release(left);
    release(right);
    return product;
  };

  return {
    BatchMatMul: batchMatMul,
    Cast: (inputs, { dtype }) => convert(named(inputs).x, dtype as string),
    // Max transposes first unless it is over the last axis.
    Max: onFloats('Max'),
    Transpose: onFloats('Transpose'),
  };
}

function named(inputs: Parameters<Kernel>[0]): Readonly<Record<'x', TensorInfo>> {
  return inputs as Readonly<Record<'x', TensorInfo>>;
}
