import { CheckpointError, quoted } from '@flowmap/core';
import { sameShape, type HostTensors, type Shape } from '@flowmap/tensor';

/**
 * Values of one tensor of a file.
 *
 * @param tensors tensors by name
 * @param source name of the file in messages
 * @throws {CheckpointError} for a tensor that is missing, does not hold floating-point numbers, or has another shape or
 *   a value that is not finite, naming it
 */
export function takeTensor(tensors: HostTensors, name: string, shape: Shape, source: string): Float32Array {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  const wanted = `wanted floats [${shape.join(', ')}]`;
  if (tensor === undefined) {
    throw new CheckpointError(source, `lacks the tensor ${quoted(name)}, ${wanted}`, { tensor: name });
  }
  const isFloat = tensor.dtype.includes('float');
  if (!isFloat || !sameShape(tensor.shape, shape)) {
    const got = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
    throw new CheckpointError(source, `the tensor ${quoted(name)} does not fit: ${wanted}, got ${got}`, {
      tensor: name,
    });
  }
  const values = tensor.data as Float32Array;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new CheckpointError(source, `the tensor ${quoted(name)} has the value ${values[i]} at ${i}`, {
        tensor: name,
      });
    }
  }
  return values;
}
