import { ConfigError } from '@flowmap/core';
import { hostTensor, sameShape, sizeOf, type HostTensor, type HostTensors, type TensorSpec } from '@flowmap/tensor';

/** A number as a double; the runtime rounds it to its own precision. */
export function scalar(value: number): HostTensor {
  return hostTensor([], Float64Array.of(value));
}

/**
 * The feeds of one part of a batch. A feed with enough rows for all parts is split among them; one with the rows of a
 * single part goes to each.
 *
 * @param specs inputs of the program
 * @param place.part index of the part, from 0
 * @param place.parts number of parts
 * @throws {ConfigError} naming a feed with any other number of rows
 */
export function partOf(
  feeds: HostTensors,
  specs: Readonly<Record<string, TensorSpec>>,
  { part, parts }: { readonly part: number; readonly parts: number },
): HostTensors {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => {
      const feed = feeds[name]!;
      if (sameShape(feed.shape, shape)) return [name, feed];
      const [rows = 1, ...rest] = shape;
      const wanted = [rows * parts, ...rest];
      if (!sameShape(feed.shape, wanted)) {
        throw new ConfigError(`batch, ${name}`, `wanted [${wanted.join(', ')}], got [${feed.shape.join(', ')}]`);
      }
      const size = sizeOf(shape);
      return [name, { shape, dtype, data: feed.data.subarray(part * size, (part + 1) * size) }];
    }),
  );
}
