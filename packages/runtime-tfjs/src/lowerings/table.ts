import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { cumulativeSum } from '../gpu/cumulative-sum.js';
import { quotient } from '../gpu/quotient.js';
import { argMax, reduceMax, sum } from '../gpu/by-halves.js';
import { wave } from '../gpu/waves.js';
import { contractions } from './contractions.js';
import { productOfFullShapes } from '../cpu/product.js';
import { convolutions } from './convolutions.js';
import { elementwise } from './elementwise.js';
import { images } from './images.js';
import { indexing } from './indexing.js';
import type { Lowering, Lowerings } from './lowering.js';
import { shapes } from './shapes.js';

/** Primitives that are computed; the others are the starting points of a plan. */
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

const gpu = { sin: wave(0), cos: wave(0.5), sum };
const webgl: Rules = { ...standard, ...gpu, div: quotient, reduceMax, argMax };
const webgpu: Rules = { ...standard, ...gpu, cumsum: cumulativeSum };
const cpu: Rules = { ...standard, mul: productOfFullShapes };

/** The rules for a back end: the standard ones, except where its kernels are wrong. */
export function rulesFor(backendName: string): Rules {
  const own: Readonly<Record<string, Rules>> = { cpu, webgl, webgpu };
  return own[backendName] ?? standard;
}

/** Emits a computed node, whose operands have been emitted. */
export function lower(rules: Rules, emit: Emitter, node: Tensor, operands: readonly Value[]): Value {
  const lowering = rules[node.primitive as Computed] as Lowering<Primitive>;
  return lowering(emit, operands, node.attributes, node);
}
