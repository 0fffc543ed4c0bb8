import type { Kernel } from '../device.js';
import type { Backend, TensorInfo } from '../tfjs.js';

/** Kernels of the WebGPU back end that are replaced, for what they do wrongly with whole numbers and bools. */
export function webgpuKernels(backend: Backend, native: (name: string) => Kernel): Readonly<Record<string, Kernel>> {
  const [relabel, add] = [native('Cast'), native('Add')];
  const release = (info: TensorInfo): void => void backend.disposeData(info.dataId);

  /** From int32 and bool to float32 the registered kernel only relabels the buffer, on which others then fail. */
  const convert = (x: TensorInfo, dtype: string): TensorInfo => {
    const relabelled = relabel({ x }, { dtype });
    if (dtype !== 'float32' || x.dtype === 'float32') return relabelled;
    const zero = { dataId: backend.write(new Float32Array(1), [], 'float32'), shape: [], dtype: 'float32' };
    const converted = add({ a: relabelled, b: zero }, {});
    release(relabelled);
    release(zero);
    return converted;
  };

  /** A kernel whose program does not compile for other numbers than floats: whole numbers are exact up to 2^24. */
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

  return {
    Cast: (inputs, { dtype }) => convert(named(inputs).x, dtype as string),
    // Max transposes first, unless it is over the last axis.
    Max: onFloats('Max'),
    Transpose: onFloats('Transpose'),
  };
}

function named(inputs: Parameters<Kernel>[0]): Readonly<Record<'x', TensorInfo>> {
  return inputs as Readonly<Record<'x', TensorInfo>>;
}
