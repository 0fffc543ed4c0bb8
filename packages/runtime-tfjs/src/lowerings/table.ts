import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { contractions } from './contractions.js';
import { convolutions } from './convolutions.js';
import { elementwise } from './elementwise.js';
import { images } from './images.js';
import { indexing } from './indexing.js';
import type { Lowering, Lowerings } from './lowering.js';
import { shapes } from './shapes.js';

/** Primitives that are computed; the others are what a plan starts from. */
type Computed = Exclude<Primitive, 'input' | 'constant'>;

const lowerings: Lowerings<Computed> = {
  ...elementwise,
  ...shapes,
  ...indexing,
  ...contractions,
  ...convolutions,
  ...images,
};

/** Emits a computed node, whose operands have been emitted. */
export function lower(emit: Emitter, node: Tensor, operands: readonly Value[]): Value {
  const lowering = lowerings[node.primitive as Computed] as Lowering<Primitive>;
  return lowering(emit, operands, node.attributes, node);
}
