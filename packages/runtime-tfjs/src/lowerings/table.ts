import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { cumulativeSum } from '../gpu/cumulative-sum.js';
import { sum } from '../gpu/sums.js';
import { wave } from '../gpu/waves.js';
import { contractions } from './contractions.js';
import { convolutions } from './convolutions.js';
import { elementwise } from './elementwise.js';
import { images } from './images.js';
import { indexing } from './indexing.js';
import type { Lowering, Lowerings } from './lowering.js';
import { shapes } from './shapes.js';

/** Primitives that are computed; the others are what a plan starts from. */
type Computed = Exclude<Primitive, 'input' | 'constant'>;

/** How every computed primitive becomes kernel calls. */
export type Rules = Lowerings<Computed>;

const standard: Rules = {
  ...elementwise,
  ...shapes,
  ...indexing,
  ...contractions,
  ...convolutions,
  ...images,
};

const webgl: Rules = { ...standard, sin: wave(0), cos: wave(0.5), sum };
const webgpu: Rules = { ...webgl, cumsum: cumulativeSum };

/** The rules for a back end: those of the CPU, but for what its kernels do wrongly. */
export function rulesFor(backendName: string): Rules {
  if (backendName === 'webgpu') return webgpu;
  return backendName === 'webgl' ? webgl : standard;
}

/** Emits a computed node, whose operands have been emitted. */
export function lower(rules: Rules, emit: Emitter, node: Tensor, operands: readonly Value[]): Value {
  const lowering = rules[node.primitive as Computed] as Lowering<Primitive>;
  return lowering(emit, operands, node.attributes, node);
}
