import type { Kernel } from '../device.js';
import type { Backend, TensorInfo } from '../tfjs.js';

/**
 * The cast of the WebGPU back end, made to convert. From int32 and bool to float32 the registered kernel only relabels the
 * buffer, which the kernels that move elements then refuse to compile for.
 */
export function convertingCast(backend: Backend, native: (name: string) => Kernel): Kernel {
  const [relabel, add] = [native('Cast'), native('Add')];
  return (inputs, attributes) => {
    const { x } = inputs as Readonly<Record<'x', TensorInfo>>;
    const relabelled = relabel(inputs, attributes);
    if (attributes['dtype'] !== 'float32' || x.dtype === 'float32') return relabelled;
    const zero = { dataId: backend.write(new Float32Array(1), [], 'float32'), shape: [], dtype: 'float32' };
    const converted = add({ a: relabelled, b: zero }, {});
    backend.disposeData(relabelled.dataId);
    backend.disposeData(zero.dataId);
    return converted;
  };
}
