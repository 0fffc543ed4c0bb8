import { concat, constant, sizeOf, stridesOf, type Tensor } from '@flowmap/tensor';
import { folds, pick, placeBy } from './host.js';
import { known, traced, type Value } from './value.js';

/** A stretch of indices along an axis: `count` of them from `first`, each `step` after the previous one. */
export interface Run {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** Up to this many stretches are cut out and joined; more are gathered. */
const MOST_RUNS = 6;

/** The elements of a value at given places along an axis, each in [0, extent). */
export function take(x: Value, axis: number, indices: readonly number[]): Value {
  const shape = x.shape.with(axis, indices.length);
  const operands = [x];
  if (sizeOf(shape) === 0) return known(x.type, shape, x.type.make(0));
  if (folds(shape, operands)) {
    const strides = stridesOf(x.shape);
    return pick(operands[0]!, shape, (index) =>
      index.reduce((place, at, i) => place + strides[i]! * (i === axis ? indices[at]! : at), 0),
    );
  }
  return traced(x.type, takeTensor(x.tensor, axis, indices));
}

/** The elements of a value along an axis at a stretch of indices, which may be empty. */
export function takeRun(x: Value, axis: number, run: Run): Value {
  const shape = x.shape.with(axis, run.count);
  const operands = [x];
  if (sizeOf(shape) === 0) return known(x.type, shape, x.type.make(0));
  if (!folds(shape, operands)) return traced(x.type, stretch(x.tensor, axis, run));
  const strides = stridesOf(x.shape);
  const scaled = strides.with(axis, strides[axis]! * run.step);
  return pick(operands[0]!, shape, (index) => placeBy(scaled, index, strides[axis]! * run.first));
}

function takeTensor(x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const runs = runsOf(indices);
  if (runs.length <= MOST_RUNS) {
    const parts = runs.map((run) => stretch(x, axis, run));
    return parts.length === 1 ? parts[0]! : concat(parts, axis);
  }
  return gatherAlong(x, axis, constant(indices, [indices.length], 'int32'));
}

/** `x` gathered along an axis: that axis is replaced by those of the indices. */
export function gatherAlong(x: Tensor, axis: number, indices: Tensor): Tensor {
  if (axis === 0) return x.gather(indices);
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const rows = x.transpose([axis, ...others]).gather(indices); // [...indices, ...others]
  const own = indices.rank;
  const first = others.slice(0, axis).map((_, i) => own + i);
  const last = others.slice(axis).map((_, i) => own + axis + i);
  return rows.transpose([...first, ...indices.shape.map((_, i) => i), ...last]);
}

function stretch(x: Tensor, axis: number, { first, step, count }: Run): Tensor {
  if (step === 0) return cut(x, axis, first, first + 1).broadcastTo(x.shape.with(axis, count));
  if (step > 0) return strided(x, axis, first, step, count);
  const last = first + step * (count - 1);
  return strided(x, axis, last, -step, count).flip([axis]);
}

/** Elements from `start` to before `end` of an axis. */
export function cut(x: Tensor, axis: number, start: number, end: number): Tensor {
  if (start === 0 && end === x.shape[axis]) return x;
  return x.slice(
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((extent, i) => (i === axis ? end : extent)),
  );
}

/** Elements `first, first + step, …` of an axis, `count` of them. */
export function strided(x: Tensor, axis: number, first: number, step: number, count: number): Tensor {
  if (step === 1 || count === 1) return cut(x, axis, first, first + count);
  // Blocks of `step` elements, of each of which the first is kept; the last block is filled up with zeros.
  const missing = Math.max(0, first + step * count - x.shape[axis]!);
  const none = x.shape.map(() => 0);
  const long = missing === 0 ? x : x.pad(none, none.with(axis, missing));
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const blocks = cut(long, axis, first, first + step * count).reshape([...before, count, step, ...after]);
  return cut(blocks, axis + 1, 0, 1).reshape([...before, count, ...after]);
}

/** Indices as stretches, each as long as possible. */
function runsOf(indices: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < indices.length;) {
    const first = indices[i]!;
    const step = i + 1 < indices.length ? indices[i + 1]! - first : 1;
    let count = 1;
    while (i + count < indices.length && indices[i + count] === first + step * count) count++;
    // Two indices are a stretch only if they are neighbours or the last.
    if (count === 2 && Math.abs(step) > 1 && i + 2 < indices.length) count = 1;
    runs.push({ first, step: count === 1 ? 1 : step, count });
    if (runs.length > MOST_RUNS) break;
    i += count;
  }
  return runs;
}
