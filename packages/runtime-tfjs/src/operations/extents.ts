import { sizeOf, type Shape } from '@flowmap/tensor';

/** Number of elements in axes `from <= axis < to`. */
export function sizeBetween(shape: Shape, from: number, to = shape.length): number {
  return sizeOf(shape.slice(from, to));
}

/** A run of axes that an operation treats alike: `outer x extents x inner` in memory. */
export interface Run {
  readonly first: number;
  /** One after the run's last axis. */
  readonly end: number;
}

/** Maximal runs of chosen axes; axes of extent 1 never split a run. */
export function runsOf(shape: Shape, chosen: (axis: number) => boolean): Run[] {
  const runs: { first: number; end: number }[] = [];
  let open = false;
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = runs.at(-1);
    if (!chosen(axis)) open = false;
    else if (open && last !== undefined) last.end = axis + 1;
    else {
      runs.push({ first: axis, end: axis + 1 });
      open = true;
    }
  });
  return runs;
}
