import { broadcast, concat, pad, reshape, reverse, slice, transpose } from '../operations/layout.js';
import type { Lowerings } from './lowering.js';

export const shapes: Lowerings<'reshape' | 'transpose' | 'broadcastTo' | 'slice' | 'pad' | 'concat' | 'flip'> = {
  reshape: (emit, [x], { shape }) => reshape(emit, x!, shape),
  transpose: (emit, [x], { permutation }) => transpose(emit, x!, permutation),
  broadcastTo: (emit, [x], { shape }) => broadcast(emit, x!, shape),
  slice: (emit, [x], { starts, ends }) => slice(emit, x!, starts, ends),
  pad: (emit, [x], { before, after }) => pad(emit, x!, before, after),
  concat: (emit, pieces, { axis }) => concat(emit, pieces, axis),
  flip: (emit, [x], { axes }) => reverse(emit, x!, axes),
};
