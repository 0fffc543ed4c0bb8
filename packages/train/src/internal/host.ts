import { hostTensor, sameShape, type HostTensor, type HostTensors, type TensorSpec } from '@flowmap/tensor';

/** A number as a double: a runtime rounds it to its precision. */
export function scalar(value: number): HostTensor {
  return hostTensor([], Float64Array.of(value));
}

/**
 * Rows of feeds for one part of a batch: what has more rows than a program takes is dealt out, the rest goes to every part.
 *
 * @param specs what the program takes
 * @param part counted from 0
 */
export function partOf(feeds: HostTensors, specs: Readonly<Record<string, TensorSpec>>, part: number): HostTensors {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => {
      const feed = feeds[name]!;
      if (sameShape(feed.shape, shape)) return [name, feed];
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape, dtype, data: feed.data.subarray(part * size, (part + 1) * size) }];
    }),
  );
}
