import { sizeOf, stridesOf } from '@flowmap/tensor';
import {
  axesOf,
  choice,
  extentsOf,
  input,
  LIST,
  numberInput,
  wholeInput,
  type Operator,
  type Operators,
} from '../call.js';
import { folds, pick, placeBy } from '../host.js';
import { take, takeRun } from '../take.js';
import { known, numberAt, traced, type Value } from '../value.js';
import { framed } from './pooling.js';

/** The position along an axis of `extent` elements for which an index outside it stands. */
const outside: Readonly<Record<'reflect' | 'edge' | 'wrap', (index: number, extent: number) => number>> = {
  edge: (index, extent) => Math.min(Math.max(index, 0), extent - 1),
  reflect(index, extent) {
    const period = Math.max(1, 2 * (extent - 1));
    const place = ((index % period) + period) % period;
    return place < extent ? place : period - place;
  },
  wrap: (index, extent) => ((index % extent) + extent) % extent,
};

const pad: Operator = {
  inputs: [2, 4],
  trace(call) {
    const x = input(call, 0);
    const rank = x.shape.length;
    const mode = choice(call, 'mode', ['constant', 'reflect', 'edge', 'wrap']);
    const pads = wholeInput(call, 1, 'pads') ?? call.refuse('its pads are missing');
    const axes = axesOf(call, wholeInput(call, 3, 'axes') ?? x.shape.map((_, axis) => axis), rank);
    if (pads.length !== 2 * axes.length) call.refuse(`it has ${pads.length} pads for ${axes.length} axes`);
    const shape = [...x.shape];
    axes.forEach((axis, i) => (shape[axis]! += pads[i]! + pads[axes.length + i]!));
    extentsOf(call, shape);
    const value = numberInput(call, 2, 'value') ?? 0;
    return axes.reduce((result, axis, i) => {
      const [before, after] = [pads[i]!, pads[axes.length + i]!];
      if (before === 0 && after === 0) return result;
      const extent = result.shape[axis]!;
      if (mode !== 'constant') {
        call.spend(LIST * Math.max(0, before + extent + after));
        const places = Array.from({ length: Math.max(0, before + extent + after) }, (_, j) =>
          outside[mode](j - before, extent),
        );
        return take(result, axis, places);
      }
      // A negative number of elements is cut off.
      const [first, last] = [Math.max(0, -before), extent - Math.max(0, -after)];
      const inner = takeRun(result, axis, { first, step: 1, count: Math.max(0, last - first) });
      return surrounded(inner, axis, [Math.max(0, before), Math.max(0, after)], value);
    }, x);
  },
};

/** A value between copies of a number along an axis. */
function surrounded(x: Value, axis: number, [before, after]: readonly [number, number], value: number): Value {
  if (before === 0 && after === 0) return x;
  const extent = x.shape[axis]!;
  const shape = x.shape.with(axis, before + extent + after);
  const operands = [x];
  if (!folds(shape, operands)) {
    if (value !== 0) return traced(x.type, framed(x.tensor, axis, before, after, value));
    const none = x.shape.map(() => 0);
    return traced(x.type, x.tensor.pad(none.with(axis, before), none.with(axis, after)));
  }
  const [source] = operands;
  const data = x.type.make(sizeOf(x.shape) + 1);
  for (let i = 0; i < sizeOf(x.shape); i++) data[i] = numberAt(source!, i);
  data[sizeOf(x.shape)] = value;
  const strides = stridesOf(x.shape);
  return pick(known(x.type, [data.length], data), shape, (index) => {
    const at = index[axis]! - before;
    return at >= 0 && at < extent ? placeBy(strides, index.with(axis, at)) : data.length - 1;
  });
}

/** Padding, in every mode. */
export const padding: Operators = { Pad: pad };
