import { ConfigError } from '@flowmap/core';
import { hostTensor, sameShape, sizeOf, type HostTensor, type HostTensors, type TensorSpec } from '@flowmap/tensor';

/** A number as a double: a runtime rounds it to its precision. */
export function scalar(value: number): HostTensor {
  return hostTensor([], Float64Array.of(value));
}

/**
 * Rows of feeds for one part of a batch: what has as many rows as all parts take is dealt out, what has as many as one goes to each.
 *
 * @param specs what the program takes
 * @param place.part counted from 0
 * @param place.parts how many there are
 * @throws {ConfigError} naming a feed with another number of rows
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
